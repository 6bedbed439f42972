/** What the status bar says: a pure function of what is the case. */
import { t } from '@vscode/l10n';
import type { EngineState } from '../engine/protocol.ts';

export interface StatusFacts {
  readonly enabled: boolean;
  readonly engine: EngineState;
  /** Suggestions that are being made. */
  readonly thinking: number;
  /** Why the active document gets no suggestions, for people; null if it does, or if there is none. */
  readonly quiet: string | null;
  /** Why nothing is suggested unasked for now (snoozed, or by command only); null if it is. */
  readonly silent: string | null;
  /** How likely what was held back here is to be accepted, 0 to 1; null or absent: nothing was. */
  readonly held?: number | null;
}

export interface Status {
  /** A codicon's name, as in `$(name)`. */
  readonly icon: string;
  readonly text: string;
  /** One line each. */
  readonly details: readonly string[];
  readonly level: 'normal' | 'warning' | 'error';
  /** What a click runs. */
  readonly command: 'knack.menu' | 'knack.downloadModel' | 'knack.enable';
}

export function statusOf({ enabled, engine, thinking, quiet, silent, held = null }: StatusFacts): Status {
  const say = (icon: string, text: string, details: readonly string[], level: Status['level'] = 'normal'): Status => ({
    icon,
    text,
    details: [...details, engine.message, ...engine.notices].filter((line) => line !== ''),
    level: level === 'normal' && engine.notices.length > 0 ? 'warning' : level,
    command: engine.phase === 'model-missing' ? 'knack.downloadModel' : 'knack.menu',
  });
  if (!enabled) {
    const details = [t('Knack is switched off: nothing is loaded and nothing runs. Click to switch it on.')];
    return { icon: 'circle-slash', text: t('Knack: off'), details, level: 'normal', command: 'knack.enable' };
  }
  const percent = engine.progress === undefined ? '' : ` ${Math.floor(engine.progress * 100)} %`;
  switch (engine.phase) {
    case 'starting':
      return say('loading~spin', t('Knack: starting'), []);
    case 'model-missing':
      return say('cloud-download', t('Knack: no model'), [t('Click to download the model.')], 'warning');
    case 'downloading':
      return say('loading~spin', t('Knack: downloading{0}', percent), []);
    case 'preparing':
      return say('loading~spin', t('Knack: preparing{0}', percent), []);
    case 'failed':
      return say('error', t('Knack: stopped'), [], 'error');
    case 'ready':
      return ready();
  }

  function ready(): Status {
    const { phase, message, device = '' } = engine.training;
    const learning = phase === 'running' ? [message, device] : [message];
    if (quiet !== null) return say('circle-slash', 'Knack', [t('No suggestions here: {0}.', quiet), ...learning]);
    if (thinking > 0) return say('loading~spin', 'Knack', [t('Thinking of a suggestion.'), ...learning]);
    if (phase === 'running') return say('mortar-board', t('Knack: learning'), learning);
    if (silent !== null) return say('bell-slash', 'Knack', [t('Quiet: {0}.', silent), ...learning]);
    const likely = held === null ? '' : `${Math.round(100 * held)} %`;
    const kept =
      likely === ''
        ? t('Ready.')
        : t(
            'Held back here: it would probably be rejected ({0} likely to be accepted). Suggest Here shows it.',
            likely,
          );
    return say('sparkle', 'Knack', [kept, message, device, engine.device ?? '']);
  }
}
