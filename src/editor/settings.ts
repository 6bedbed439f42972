/**
 * The settings, parsed once at the boundary: a broken value gives way to its default and is told.
 *
 * package.json describes them to the user; a test keeps the two in step.
 */
import { isAbsolute } from 'node:path';
import { invalidGlobs } from '../completion/exclude.ts';
import { DEVICE_SETTINGS } from '../engine/device.ts';
import type { EngineSettings } from '../engine/protocol.ts';

export interface Settings {
  readonly enabled: boolean;
  readonly disabledLanguages: readonly string[];
  readonly exclude: readonly string[];
  readonly debounceMs: number;
  readonly nodePath: string | null;
  readonly engine: EngineSettings;
}

/** The longest suggestion, in tokens: some four lines of code, about a second and a half on a laptop's CPU. */
export const MAX_NEW_TOKENS = 48;

/** What a setting may be. Numbers have bounds, both included. */
type Rule =
  | { readonly kind: 'boolean'; readonly fallback: boolean }
  | { readonly kind: 'number'; readonly fallback: number; readonly from: number; readonly to: number }
  | { readonly kind: 'path'; readonly fallback: '' }
  | { readonly kind: 'choice'; readonly fallback: string; readonly of: readonly string[] }
  | { readonly kind: 'texts'; readonly fallback: readonly string[] };

export const RULES = {
  enabled: { kind: 'boolean', fallback: true },
  disabledLanguages: { kind: 'texts', fallback: [] },
  exclude: { kind: 'texts', fallback: [] },
  debounceMs: { kind: 'number', fallback: 100, from: 0, to: 5_000 },
  'model.path': { kind: 'path', fallback: '' },
  nodePath: { kind: 'path', fallback: '' },
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
    problems.push(`knack.${name} ${wrong}; ${JSON.stringify(rule.fallback)} is used instead.`);
    return rule.fallback as T;
  };
  const path = (name: SettingName): string | null => value<string>(name).trim() || null;

  const exclude = value<readonly string[]>('exclude');
  for (const glob of invalidGlobs(exclude)) {
    problems.push(`knack.exclude has ${JSON.stringify(glob)}, which is no pattern that names files; it is left out.`);
  }
  const settings: Settings = {
    enabled: value('enabled'),
    disabledLanguages: value('disabledLanguages'),
    exclude,
    debounceMs: value('debounceMs'),
    nodePath: path('nodePath'),
    engine: {
      modelPath: path('model.path'),
      maxNewTokens: MAX_NEW_TOKENS,
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
    },
  };
  return { settings, problems };
}

function problemOf(rule: Rule, given: unknown): string | null {
  switch (rule.kind) {
    case 'boolean':
      return typeof given === 'boolean' ? null : 'must be true or false';
    case 'number':
      return typeof given === 'number' && given >= rule.from && given <= rule.to
        ? null
        : `must be a number from ${rule.from} to ${rule.to}`;
    case 'choice':
      return rule.of.includes(given as string) ? null : `must be one of ${rule.of.join(', ')}`;
    case 'path':
      return typeof given === 'string' && (given.trim() === '' || isAbsolute(given.trim()))
        ? null
        : 'must be an absolute path';
    case 'texts':
      return Array.isArray(given) && given.every((t) => typeof t === 'string') ? null : 'must be a list of texts';
  }
}
