import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrationOf } from '../../src/gate/calibration.ts';
import { type Chart, daysBetween } from '../../src/panel/chart.ts';
import { formatsFor } from '../../src/panel/format.ts';
import { html } from '../../src/panel/html.ts';
import { PANEL_COMMANDS, pageOf } from '../../src/panel/page.ts';
import { type PanelFacts, sectionsOf, withoutFigures } from '../../src/panel/sections.ts';
import { facts, NOW, OVERVIEW } from './facts.ts';

/** A section as text: tags gone, spaces joined. */
function said(id: string, over: Partial<PanelFacts> = {}): string {
  const { body } = sectionsOf(facts(over)).find((section) => section.id === id)!;
  return body.html
    .replace(/<title>.*?<\/title>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

test('how much each step of the ladder holds', () => {
  assert.match(
    said('memory'),
    /47 kB a token.*Remembered edits: 12 .* 1 kB an edit.*34 signals .* 235,294 bits a signal/,
  );
  const sizes = { cacheBytesAToken: null, rememberedEdits: 0, memoryBytes: 0, adapterBytes: 0, learnedSignals: 0 };
  assert.match(said('memory', { overview: { ...OVERVIEW, sizes } }), /Remembered edits: 0/);
});

test('values are escaped, HTML is not', () => {
  const { html: text } = html`<a title="${'"<'}">${['&', html`<b>${"'"}</b>`]}${null}${3}</a>`;
  assert.equal(text, '<a title="&quot;&lt;">&amp;<b>&#39;</b>3</a>');
});

test('what suggests, and how far the next round is', () => {
  assert.match(said('now'), /Checkpoint second-c suggests\. Waiting for signals.* 3 of 16 new signals/);
  assert.match(
    said('now', { overview: { ...OVERVIEW, newSignals: 79 } }),
    / 79 new signals since .*enough for the next/,
  );
  assert.match(said('now'), /Pause learning/);
  assert.match(said('now', { learning: false }), /Learn again/);
  assert.match(said('now', { overview: { ...OVERVIEW, checkpoint: 'base' } }), /nothing learned is in use/);
});

test('taken and saved: in a sentence, in charts, in a table', () => {
  assert.match(
    said('suggestions'),
    /30 were suggested\. 10 of the 20 that were seen were taken: 50%\. 1,350 characters/,
  );
  assert.match(said('suggestions'), /2026-05-03 20 12 8 1 67% 1,310 2026-05-01 10 8 2 3 25% 40/);
  const { html: body } = sectionsOf(facts())[1]!.body;
  const charts = [...body.matchAll(/<canvas role="img" aria-label="([^"]+)" data-chart="([^"]+)">/g)];
  assert.deepEqual(
    charts.map(([, summary]) => summary),
    ['10 of the 20 that were seen were taken: 50%.', '1,350 characters were not typed.'],
  );
  const [rate, saved] = charts.map(([, , data]): Chart => JSON.parse(data!.replaceAll('&quot;', '"')));
  assert.deepEqual([rate!.unit, rate!.top, saved!.unit, rate!.locale], ['share', 1, 'number', 'en']);
  assert.deepEqual(
    rate!.bars.map(({ value }) => value),
    [...Array(11).fill(null), 0.25, null, 2 / 3],
    'a fortnight, and nothing where nothing was seen',
  );
  assert.deepEqual(saved!.bars.at(-1), { day: '2026-05-03', value: 1_310, title: '2026-05-03: 1310 characters' });
});

test('before there are figures: the same sections, to be filled', () => {
  const names = (sections: ReturnType<typeof sectionsOf>) => sections.map(({ id, title }) => `${id}: ${title}`);
  assert.deepEqual(names(withoutFigures()), names(sectionsOf(facts())));
});

test('nothing yet', () => {
  const empty = { ...OVERVIEW, days: [], rounds: [], checkpoints: [], checkpoint: 'base' };
  assert.match(said('suggestions', { overview: empty }), /Nothing has been suggested yet/);
  assert.match(said('rounds', { overview: empty }), /No round/);
  assert.match(said('checkpoints', { overview: empty }), /The model as it ships suggests now/);
});

test('when it speaks: what taught it, what it held back, and whether its forecasts are right', () => {
  assert.match(said('gate'), /12 earlier ones taught that\. .*In the last 7 days 4 were held back\./);
  assert.match(
    said('gate'),
    /What you seldom take, .* Kind Shown Taken In comments and prose 9 0\.5 In the folder src\/&lt;gen&gt; 5 0 /,
  );
  assert.match(said('gate'), /src\/&lt;a&gt;\.ts:7 12%/);
  assert.match(said('gate'), /30%–40% 2 35% 50%$/);
  const gate = { signals: 0, seldom: [], calibration: calibrationOf([]), held: { count: 0, newest: [] } };
  assert.match(said('gate', { overview: { ...OVERVIEW, gate } }), /0 were held back\.$/);
});

test('suggested, but never surely seen', () => {
  const days = [{ day: '2026-05-03', offered: 4, seen: 0, accepted: 0, rejected: 0, saved: 0 }];
  assert.match(said('suggestions', { overview: { ...OVERVIEW, days } }), /None of them has surely been seen.* – 0/);
});

test('rounds: promotions and refusals, with their reasons', () => {
  assert.match(said('rounds'), /Promoted \(second-c\) Held-out .* 18 12 2\.500 → 1\.250 cpu/);
  assert.match(said('rounds'), /Refused The canary &lt;sings&gt;\./);
});

test('checkpoints: one can go back to those that are kept, and to the base', () => {
  const { html: body } = sectionsOf(facts()).find((s) => s.id === 'checkpoints')!.body;
  const arguments_ = [...body.matchAll(/data-command="knack\.goBack" data-argument="([^"]*)"/g)].map((m) => m[1]);
  assert.deepEqual(arguments_, ['first-checkpoint', 'base']);
  assert.match(said('checkpoints'), /old no longer kept/);
});

test('what is stored, and where', () => {
  assert.match(said('stored'), /30 suggestions.*240 edits.*2026-05-03.*1\.2 MB.*0 kB.*&quot;storage&quot;/);
});

test('the page: a strict policy, nothing inline without the nonce, known commands only', () => {
  const page = pageOf(sectionsOf(facts()), { language: 'en', nonce: 'N0NCE', script: 'https://x/panel.js' });
  assert.match(page, /default-src &#39;none&#39;; style-src &#39;nonce-N0NCE&#39;; script-src &#39;nonce-N0NCE&#39;/);
  assert.ok(!/ style=| on\w+=|unsafe|javascript:/i.test(page));
  assert.equal(page.match(/<script/g)?.length, 1);
  for (const [, command] of page.matchAll(/data-command="([^"]*)"/g)) assert.ok(PANEL_COMMANDS.has(command!), command);
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map((m) => m[1]!);
  assert.deepEqual(ids.length, new Set(ids).size, 'ids are unique');
  for (const [, id] of page.matchAll(/aria-labelledby="([^"]*)"/g)) assert.ok(ids.includes(id!), id);
  for (const [, attributes] of page.matchAll(/<(?:button|meter|canvas|table)([^>]*)>/g))
    assert.match(attributes!, /aria-label="[^"]+"/);
  for (const [, attributes] of page.matchAll(/<((?:button|summary)\b[^>]*|\w+ [^>]*tabindex[^>]*)>/g))
    assert.match(attributes!, / id="[^"]+"/, 'what takes the focus has it again after a change, by its id');
});

test('every day has its place, also where clocks change', () => {
  assert.deepEqual(daysBetween(NOW - 2 * 86_400_000, NOW), ['2026-05-01', '2026-05-02', '2026-05-03']);
  assert.equal(
    daysBetween(new Date(2026, 0, 1, 0, 30).getTime(), new Date(2026, 11, 31, 23, 30).getTime()).length,
    365,
  );
});

test('figures in the language of the user', () => {
  assert.equal(formatsFor('de').number(1_234.5, 1), '1.234,5');
  assert.equal(formatsFor('xx-none').share(0.5), '50%');
  assert.equal(formatsFor('en').bytes(45_000_000), '45 MB');
});
