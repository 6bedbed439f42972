/** `repeater-run.ts LOGS OUT`: a replay of the sample by a repeater in a process of its own, to be killed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GRAMMARS } from '../../scripts/paths.ts';
import { runSession } from '../../src/replay/session.ts';
import { openSource } from '../../src/replay/source.ts';
import { REPEATER } from './repeater.ts';
import { SAMPLE } from './sources.ts';

const [logs, out] = process.argv.slice(2) as [string, string];
const session = await runSession(
  [{ source: SAMPLE, history: openSource(SAMPLE), fingerprint: 'sample' }],
  {
    arms: [{ ...REPEATER, hasModel: true }],
    span: { since: null, limit: 3, signals: null, every: 1 },
    seed: 1,
    workers: 1,
    sequence: false,
    idle: 8,
    canary: null,
    taste: null,
    place: { model: null, cacheDir: '', adapter: null, code: '' },
    grammars: GRAMMARS,
    moments: 0,
    worker: join(import.meta.dirname, 'repeater-worker.ts'),
    logs,
    code: '',
    learning: '',
  },
  { begin() {}, progress() {}, end() {} },
);
writeFileSync(out, JSON.stringify(session.report));
