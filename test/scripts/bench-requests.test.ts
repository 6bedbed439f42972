/** Which requests the serving bench's figures are about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf, longestOf, requestsOf, whole } from '../../scripts/bench/serve/requests.ts';

const timed = (did: 'open' | 'type', ms: number, chosen: number, forced = 0) => ({
  did,
  ms,
  effort: { chosen, forced },
});

test('a prompt counts as cached as far as it begins like the one before', () => {
  const prompts = [
    [1, 2, 3],
    [1, 2, 3, 4],
    [1, 9, 3, 4],
    [1, 9],
  ];
  const all = prompts.map(() => timed('type', 1, 10));
  assert.deepEqual(
    requestsOf(all, prompts).map(({ fresh }) => fresh),
    [3, 1, 3, 0],
  );
  assert.deepEqual(
    requestsOf(all, prompts, true).map(({ fresh }) => fresh),
    [3, 4, 4, 2],
  );
});

test('cold are the longest prompts, of one hunk’s keystrokes every fourth', () => {
  const steps = ['open', ...Array.from({ length: 8 }, () => 'type'), 'move'].map((did) => ({ did: did as 'open' }));
  const prompts = [5, 1, 9, 9, 9, 8, 9, 9, 9, 7].map((length) => Array.from({ length }, (_, i) => i));
  assert.deepEqual(longestOf(steps, prompts, 3), [0, 5, 9]);
  assert.deepEqual(longestOf(steps, prompts, 9), [0, 1, 5, 9]);
});

test('an answer is whole if the model chose all the tokens that it might, whatever was forced', () => {
  const all = requestsOf(
    [timed('open', 40, 10, 30), timed('type', 20, 10), timed('type', 5, 3)],
    [[1], [1, 2], [1, 2, 3]],
  );
  const { p50Ms, p95Ms, requests } = figuresOf(whole(all, 10));
  assert.deepEqual([p50Ms, p95Ms, requests], [40, 40, 2]);
  assert.equal(figuresOf([]).p50Ms, null);
});
