/**
 * The settings, parsed once at the boundary: a broken value gives way to its default and is told.
 *
 * package.json describes them to the user; a test keeps the two in step.
 */
import { isAbsolute } from 'node:path';
import { t } from '@vscode/l10n';
import { EAGERNESS, type Eagerness } from '../completion/eagerness.ts';
import { invalidGlobs } from '../completion/exclude.ts';
import { DEVICE_SETTINGS } from '../engine/device.ts';
import type { EngineSettings } from '../engine/protocol.ts';
import { PROMPT_STYLES, type PromptStyle } from '../model/library/catalogue.ts';

export interface Settings {
  readonly enabled: boolean;
  readonly disabledLanguages: readonly string[];
  readonly exclude: readonly string[];
  readonly trigger: (typeof TRIGGERS)[number];
  readonly eagerness: Eagerness;
  /** Null: it follows the typing and the machine. */
  readonly debounceMs: number | null;
  readonly nodePath: string | null;
  /** Whether edits that were made without a suggestion are stored and remembered. */
  readonly keepsEdits: boolean;
  readonly engine: EngineSettings;
}

/** The longest suggestion, in tokens: some four lines of code, about a second and a half on a laptop's CPU. */
export const MAX_NEW_TOKENS = 48;

export const TRIGGERS = ['automatic', 'manual'] as const;

/** What a setting may be. Numbers have bounds, both included. */
type Rule =
  | { readonly kind: 'boolean'; readonly fallback: boolean }
  | { readonly kind: 'number'; readonly fallback: number; readonly from: number; readonly to: number }
  | { readonly kind: 'number-or-null'; readonly fallback: null; readonly from: number; readonly to: number }
  | { readonly kind: 'path'; readonly fallback: '' }
  | { readonly kind: 'address'; readonly fallback: '' }
  | { readonly kind: 'choice'; readonly fallback: string; readonly of: readonly string[] }
  | { readonly kind: 'texts'; readonly fallback: readonly string[] };

export const RULES = {
  enabled: { kind: 'boolean', fallback: true },
  disabledLanguages: { kind: 'texts', fallback: [] },
  exclude: { kind: 'texts', fallback: [] },
  trigger: { kind: 'choice', fallback: 'automatic', of: TRIGGERS },
  eagerness: { kind: 'choice', fallback: 'medium', of: EAGERNESS },
  debounceMs: { kind: 'number-or-null', fallback: null, from: 0, to: 5_000 },
  'model.path': { kind: 'path', fallback: '' },
  'model.promptFormat': { kind: 'choice', fallback: 'auto', of: ['auto', ...PROMPT_STYLES] },
  'model.mirror': { kind: 'address', fallback: '' },
  nodePath: { kind: 'path', fallback: '' },
  'serving.device': { kind: 'choice', fallback: 'auto', of: DEVICE_SETTINGS },
  'memory.enabled': { kind: 'boolean', fallback: true },
  'memory.edits': { kind: 'boolean', fallback: true },
  'training.enabled': { kind: 'boolean', fallback: true },
  'training.minSignals': { kind: 'number', fallback: 16, from: 1, to: 100_000 },
  'training.idleSeconds': { kind: 'number', fallback: 60, from: 0, to: 86_400 },
  'training.onBattery': { kind: 'boolean', fallback: false },
  'training.memoryMb': { kind: 'number', fallback: 1_536, from: 512, to: 65_536 },
  'training.tokenBudget': { kind: 'number', fallback: 20_000, from: 100, to: 10_000_000 },
  'training.device': { kind: 'choice', fallback: 'auto', of: DEVICE_SETTINGS },
  'retention.days': { kind: 'number', fallback: 90, from: 1, to: 36_500 },
  'retention.megabytes': { kind: 'number', fallback: 500, from: 10, to: 1_000_000 },
} as const satisfies Record<string, Rule>;

export type SettingName = keyof typeof RULES;

export interface Parsed {
  readonly settings: Settings;
  /** What is wrong, one sentence each, for people. */
  readonly problems: readonly string[];
}

/** @param read gives a setting's value as the user left it (undefined if it is not set), without the `knack.` */
export function parseSettings(read: (name: SettingName) => unknown): Parsed {
  const problems: string[] = [];
  const value = <T>(name: SettingName): T => {
    const rule: Rule = RULES[name];
    const given = read(name) ?? rule.fallback;
    const wrong = problemOf(rule, given);
    if (wrong === null) return given as T;
    if (rule.kind === 'texts' && Array.isArray(given)) {
      // The others hold: of what is to be left alone nothing may come back because of a slip beside it.
      const texts = given.filter((text) => typeof text === 'string');
      problems.push(t('{0} {1}; what is none is left out.', `knack.${name}`, wrong));
      return texts as T;
    }
    problems.push(t('{0} {1}; {2} is used instead.', `knack.${name}`, wrong, JSON.stringify(rule.fallback)));
    return rule.fallback as T;
  };
  const path = (name: SettingName): string | null => value<string>(name).trim() || null;

  const style = value<'auto' | PromptStyle>('model.promptFormat');
  const eagerness = value<Eagerness>('eagerness');
  const exclude = value<readonly string[]>('exclude');
  for (const glob of invalidGlobs(exclude)) {
    problems.push(
      t('knack.exclude has {0}, which is no pattern that names files; it is left out.', JSON.stringify(glob)),
    );
  }
  const settings: Settings = {
    enabled: value('enabled'),
    disabledLanguages: value('disabledLanguages'),
    exclude,
    trigger: value('trigger'),
    eagerness,
    debounceMs: value('debounceMs'),
    nodePath: path('nodePath'),
    keepsEdits: value<boolean>('memory.enabled') && value<boolean>('memory.edits'),
    engine: {
      modelPath: path('model.path'),
      promptStyle: style === 'auto' ? null : style,
      mirror: path('model.mirror'),
      maxNewTokens: MAX_NEW_TOKENS,
      eagerness,
      memory: { enabled: value('memory.enabled') },
      training: {
        enabled: value('training.enabled'),
        minSignals: value('training.minSignals'),
        idleSeconds: value('training.idleSeconds'),
        onBattery: value('training.onBattery'),
        memoryMb: value('training.memoryMb'),
        tokenBudget: value('training.tokenBudget'),
        device: value('training.device'),
      },
      retention: { days: value('retention.days'), megabytes: value('retention.megabytes') },
      servingDevice: value('serving.device'),
    },
  };
  return { settings, problems };
}

function problemOf(rule: Rule, given: unknown): string | null {
  switch (rule.kind) {
    case 'boolean':
      return typeof given === 'boolean' ? null : t('must be true or false');
    case 'number':
    case 'number-or-null':
      if (given === null && rule.fallback === null) return null;
      return typeof given === 'number' && given >= rule.from && given <= rule.to
        ? null
        : t('must be a number from {0} to {1}', rule.from, rule.to);
    case 'choice':
      return rule.of.includes(given as string) ? null : t('must be one of {0}', rule.of.join(', '));
    case 'path':
      return typeof given === 'string' && (given.trim() === '' || isAbsolute(given.trim()))
        ? null
        : t('must be an absolute path');
    case 'address':
      return typeof given === 'string' && (given.trim() === '' || isAddress(given.trim()))
        ? null
        : t('must be an http or https address');
    case 'texts':
      return Array.isArray(given) && given.every((t) => typeof t === 'string') ? null : t('must be a list of texts');
  }
}

function isAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
