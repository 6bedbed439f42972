import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryPage, fenced, whyPage } from '../../src/editor/explain.ts';
import { problemPage } from '../../src/editor/problem.ts';
import { formatsFor } from '../../src/panel/format.ts';
import { redact } from '../../src/signals/redact.ts';
import type { StoredEntry } from '../../src/signals/view.ts';
import { STATE } from '../panel/facts.ts';
import { offered } from '../signals/events.ts';

const formats = formatsFor('en');
const { suggestion, snapshot } = offered('a');
const WHY = {
  suggestion,
  snapshot,
  trigger: 'automatic',
  at: 0,
  eagerness: 'medium',
  checkpoint: null,
  memory: [],
  formats,
} as const;

test('why: where, what, who made it, how sure it was, and the prompt', () => {
  const prompt = {
    format: 'prefix-1',
    hash: suggestion.promptHash,
    parts: [{ tokens: 7, text: '<filename>a.ts\nlet' }],
  };
  const page = whyPage({ ...WHY, prompt });
  assert.match(page, /^src\/add\.ts:2:3–2:3/m);
  assert.match(page, /return a \+ b;/);
  assert.match(page, /as it ships/);
  assert.match(page, /each of the 3 tokens a probability of 54% on average, and the whole 15%\./);
  assert.doesNotMatch(page, /earlier ones/);
  assert.doesNotMatch(page, /recent edit did/);
  assert.match(
    whyPage({ ...WHY, suggestion: { ...suggestion, repeats: 1 }, prompt }),
    /does again what an earlier edit did/,
  );
  const judged = whyPage({ ...WHY, suggestion: { ...suggestion, likely: 0.34 }, prompt });
  assert.match(judged, /accept it with a probability of 34%\. .*from 25% on \(knack\.eagerness: medium\)/);
  assert.match(page, /7 tokens in 1 parts, format prefix-1\. Exactly this:/);
  assert.match(page, /<filename>a\.ts\nlet/);
});

test('why: names what was remembered, and how much of the suggestion that was', () => {
  const remembered = { entries: ['b:typed'], steps: [{ at: 1, kind: 13, share: 0.9 }] };
  const why = { ...WHY, prompt: null, suggestion: { ...suggestion, remembered } };
  const edit = { id: 'b:typed', sources: ['b'], at: 0, path: 'src/sum.ts', kind: 'typed' } as const;
  const page = whyPage({ ...why, memory: [{ ...edit, removed: ['  x'], added: ['  return a + b;'] }] });
  assert.match(page, /About 30% of it was brought by memory.* It comes from this/);
  assert.match(page, /src\/sum\.ts, .*, typed instead of a suggestion\n\n```diff\n- {3}x\n\+ {3}return a \+ b;\n```/);
  assert.match(page, /as it ships, with what was remembered/);
  assert.match(whyPage(why), /It is not remembered any more/);
  const nearby = { ...suggestion, remembered: { ...remembered, entries: [] } };
  assert.match(whyPage({ ...why, suggestion: nearby }), /It stood in the text around the cursor/);
  assert.doesNotMatch(whyPage({ ...WHY, prompt: null }), /memory/);
});

test('why: a checkpoint that is known is introduced; a prompt that has changed is said to have', () => {
  const checkpoint = { id: 'one', created: 0, state: 'retired', reason: 'Better served.', usable: true } as const;
  const page = whyPage({
    ...WHY,
    suggestion: { ...suggestion, checkpoint: 'one' },
    checkpoint,
    prompt: { format: 'prefix-1', hash: 'other', parts: [] },
  });
  assert.match(page, /Checkpoint one, made .*: Better served\./);
  assert.match(page, /not the same any more/);
  assert.match(whyPage({ ...WHY, prompt: null }), /cannot be shown/);
});

test('an entry: all of it, and what is not there is left out', () => {
  const entry: StoredEntry = {
    id: 'a',
    at: 0,
    text: suggestion.edit.text,
    outcome: 'rejected',
    observed: false,
    reason: 'moved-away',
    acceptedChars: 0,
    typedInstead: 'other',
    survival: [{ afterMs: 30_000, share: 0.5, observed: true, goneOn: true }],
    written: null,
    offer: {
      ...{ path: 'src/add.ts', language: 'typescript', startLine: 0, before: 'BEFORE', after: 'AFTER' },
      ...{ recent: snapshot.recent, start: suggestion.edit.start, end: suggestion.edit.end, checkpoint: 'base' },
      ...{ trigger: 'automatic', latencyMs: 80, tokenLogprobs: [-0.25], promptHash: null, promptFormat: 'prefix-1' },
      ...{ windowId: 'w', remembered: null, redactions: 1 },
    },
  };
  const page = entryPage(entry, formats);
  for (const part of [
    'rejected (moved-away, inferred)',
    'other',
    'stood after 30 s: 50%, and more was put in right behind it',
    'BEFORE',
    'AFTER',
    'secrets cut out: 1',
    'function add',
  ]) {
    assert.ok(page.includes(part), part);
  }
  const bare = entryPage({ ...entry, offer: null, outcome: null, typedInstead: null, survival: [] }, formats);
  assert.ok(!bare.includes('BEFORE') && bare.includes('not known yet'));
});

test('an edit: its lines and those around it; one that is not kept says why', () => {
  const entry: StoredEntry = {
    ...{ id: 'w/1', at: 0, text: '', outcome: 'written', observed: null, reason: null, acceptedChars: null },
    ...{ typedInstead: null, survival: [], offer: null },
    written: { path: 'src/a.ts', removed: ['old'], added: ['new'], above: 'ABOVE', below: null },
  };
  const page = entryPage(entry, formats);
  for (const part of ['src/a.ts', '- old\n+ new', 'ABOVE']) assert.ok(page.includes(part), part);
  assert.ok(!page.includes('below'));
  const nothing = { path: 'src/a.ts', removed: [], added: [], above: null, below: null };
  assert.match(entryPage({ ...entry, written: nothing }, formats), /taken back, is very long, or holds a secret/);
});

test('no text ends its block', () => {
  assert.equal(fenced('a\n```\nb', 'md'), '````md\na\n```\nb\n````');
});

test('a report: no secrets, no home folder, and what is shared stands there', () => {
  const page = problemPage({
    versions: { Knack: '0.1.0' },
    state: STATE,
    settings: { 'model.path': 'C:\\Users\\me\\model.gguf' },
    log: [`[error] token = "ghp_${'a1B2'.repeat(9)}" in C:\\Users\\me\\x`],
    home: 'C:\\Users\\me',
    redact: (text) => redact(text).text,
  });
  assert.match(page, /Nothing has been sent/);
  assert.ok(page.includes('Knack: 0.1.0') && page.includes('second-checkpoint'));
  assert.ok(!page.includes('Users'), page);
  assert.ok(!page.includes('ghp_'), page);
});
