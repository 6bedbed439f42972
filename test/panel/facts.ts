/** Figures of a panel for tests: two days of suggestions, a promotion and a refusal. */
import type { EngineState, Overview } from '../../src/engine/protocol.ts';
import { calibrationOf } from '../../src/gate/calibration.ts';
import { formatsFor } from '../../src/panel/format.ts';
import type { PanelFacts } from '../../src/panel/sections.ts';

export const NOW = new Date(2026, 4, 3, 18).getTime();

export const STATE: EngineState = {
  phase: 'ready',
  message: '',
  checkpoint: 'second-checkpoint',
  training: { phase: 'waiting', message: 'Waiting for signals: 3 of 16.', newSignals: 3 },
  notices: [],
};

export const OVERVIEW: Overview = {
  checkpoint: 'second-checkpoint',
  newSignals: 3,
  gate: {
    signals: 12,
    seldom: [
      { kind: { is: 'prose' }, factor: 0.12, shown: 9, taken: 0.5 },
      { kind: { is: 'folder', name: 'src/<gen>' }, factor: 0.3, shown: 5, taken: 0 },
    ],
    calibration: calibrationOf([
      { p: 0.32, worth: 1 },
      { p: 0.38, worth: 0 },
    ]),
    held: { count: 4, newest: [{ at: NOW, path: 'src/<a>.ts', line: 6, p: 0.12 }] },
  },
  days: [
    { day: '2026-05-01', offered: 10, seen: 8, accepted: 2, rejected: 3, saved: 40 },
    { day: '2026-05-03', offered: 20, seen: 12, accepted: 8, rejected: 1, saved: 1_310 },
  ],
  rounds: [
    {
      ...{ id: 2, started: NOW, ended: NOW, device: 'cpu', signals: 18, steps: 12, checkpoint: 'second-checkpoint' },
      ...{ lossBefore: 2.5, lossAfter: 1.25, decision: 'promoted', reason: 'Held-out signals are better served.' },
    },
    {
      ...{ id: 1, started: NOW, ended: NOW, device: 'cpu', signals: 16, steps: 9, checkpoint: null },
      ...{ lossBefore: 2.5, lossAfter: 2, decision: 'refused', reason: 'The canary <sings>.' },
    },
  ],
  checkpoints: [
    { id: 'second-checkpoint', created: NOW, state: 'current', reason: 'better', usable: true },
    { id: 'first-checkpoint', created: NOW, state: 'retired', reason: 'good', usable: true },
    { id: 'pruned-checkpoint', created: NOW, state: 'retired', reason: 'old', usable: false },
  ],
  sizes: {
    cacheBytesAToken: 46_080,
    rememberedEdits: 12,
    memoryBytes: 12_000,
    adapterBytes: 1_000_000,
    learnedSignals: 34,
  },
  stored: {
    folder: '/home/me/"storage"',
    suggestions: 30,
    written: 240,
    oldestAt: NOW,
    databaseBytes: 1_234_567,
    checkpointBytes: 0,
  },
};

export function facts(over: Partial<PanelFacts> = {}): PanelFacts {
  return {
    overview: OVERVIEW,
    state: STATE,
    minSignals: 16,
    learning: true,
    now: NOW,
    formats: formatsFor('en'),
    ...over,
  };
}
