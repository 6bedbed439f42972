/** What the status bar says: a pure function of what is the case. */
import type { EngineState } from '../engine/protocol.ts';

export interface StatusFacts {
  readonly enabled: boolean;
  readonly engine: EngineState;
  /** Suggestions that are being made. */
  readonly thinking: number;
  /** Why the active document gets no suggestions, for people; null if it does, or if there is none. */
  readonly quiet: string | null;
}

export interface Status {
  readonly text: string;
  /** One line each. */
  readonly details: readonly string[];
  readonly level: 'normal' | 'warning' | 'error';
  /** What a click runs. */
  readonly command: 'knack.menu' | 'knack.downloadModel' | 'knack.enable';
}

export function statusOf({ enabled, engine, thinking, quiet }: StatusFacts): Status {
  const say = (icon: string, text: string, details: readonly string[], level: Status['level'] = 'normal'): Status => ({
    text: `$(${icon}) ${text}`,
    details: [...details, engine.message, ...engine.notices].filter((line) => line !== ''),
    level: level === 'normal' && engine.notices.length > 0 ? 'warning' : level,
    command: engine.phase === 'model-missing' ? 'knack.downloadModel' : 'knack.menu',
  });
  if (!enabled) {
    const details = ['Knack is switched off. Click to switch it on.'];
    return { text: '$(circle-slash) Knack: paused', details, level: 'normal', command: 'knack.enable' };
  }
  const percent = engine.progress === undefined ? '' : ` ${Math.floor(engine.progress * 100)} %`;
  switch (engine.phase) {
    case 'starting':
      return say('loading~spin', 'Knack: starting', []);
    case 'model-missing':
      return say('cloud-download', 'Knack: no model', ['Click to download the model.'], 'warning');
    case 'downloading':
      return say('loading~spin', `Knack: downloading${percent}`, []);
    case 'preparing':
      return say('loading~spin', `Knack: preparing${percent}`, []);
    case 'failed':
      return say('error', 'Knack: stopped', [], 'error');
    case 'ready': {
      const { message: learning, device = '' } = engine.training;
      if (quiet !== null) return say('circle-slash', 'Knack', [`No suggestions here: ${quiet}.`, learning]);
      if (thinking > 0) return say('loading~spin', 'Knack', ['Thinking of a suggestion.', learning]);
      if (engine.training.phase === 'running') return say('mortar-board', 'Knack: learning', [learning, device]);
      return say('sparkle', 'Knack', ['Ready.', learning, device]);
    }
  }
}
