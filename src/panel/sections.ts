/** What the panel says: the overview as sections of HTML. Pure: the same figures, the same text. */
import { t } from '@vscode/l10n';
import type { EngineState, GateInfo, Overview, RoundInfo } from '../engine/protocol.ts';
import { type Bar, chartHtml, daysBetween, localDay } from './chart.ts';
import { type Formats, shortId } from './format.ts';
import { type Html, html } from './html.ts';

export interface PanelFacts {
  readonly overview: Overview;
  readonly state: EngineState;
  /** New signals before a round starts. */
  readonly minSignals: number;
  readonly learning: boolean;
  readonly now: number;
  readonly formats: Formats;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

export function sectionsOf(facts: PanelFacts): readonly Section[] {
  return frames().map(({ id, title, body }) => ({ id, title, body: body(facts) }));
}

/** The same sections before there are figures: each is filled by its id. */
export function withoutFigures(): readonly Section[] {
  return frames().map(({ id, title }) => ({ id, title, body: html`` }));
}

function frames(): readonly { id: string; title: string; body: (facts: PanelFacts) => Html }[] {
  return [
    { id: 'now', title: t('Now'), body: nowSection },
    { id: 'suggestions', title: t('Suggestions'), body: suggestionsSection },
    { id: 'gate', title: t('When it speaks'), body: gateSection },
    { id: 'memory', title: t('What it holds'), body: sizesSection },
    { id: 'rounds', title: t('What was learned'), body: roundsSection },
    { id: 'checkpoints', title: t('Checkpoints'), body: checkpointsSection },
    { id: 'stored', title: t('What is stored'), body: storedSection },
  ];
}

function nowSection({ overview, state, minSignals, learning }: PanelFacts): Html {
  const { checkpoint, newSignals } = overview;
  const serving =
    checkpoint === 'base'
      ? t('The model as it ships suggests: nothing learned is in use.')
      : t('Checkpoint {0} suggests.', shortId(checkpoint));
  const signals =
    newSignals < minSignals
      ? t('{0} of {1} new signals that a round of training waits for.', newSignals, minSignals)
      : t('{0} new signals since the last round of training: enough for the next one.', newSignals);
  const share = Math.min(1, newSignals / Math.max(1, minSignals));
  return html`<p>${serving} ${state.training.message}</p>
<p><meter aria-label="${signals}" min="0" max="1" value="${share}"></meter> ${signals}</p>
<p>${learning ? button('knack.pauseLearning', t('Pause learning')) : button('knack.resumeLearning', t('Learn again'))} ${button('knack.trainNow', t('Train now'))}</p>`;
}

function suggestionsSection({ overview, now, formats }: PanelFacts): Html {
  const { days } = overview;
  if (days.length === 0) return html`<p>${t('Nothing has been suggested yet.')}</p>`;
  const sum = (of: (day: (typeof days)[number]) => number): number => days.reduce((total, day) => total + of(day), 0);
  const seen = sum((d) => d.seen);
  const accepted = sum((d) => d.accepted);
  const known = new Map(days.map((day) => [day.day, day]));
  // A fortnight at least, so that the first days are not as broad as the panel.
  const from = Math.min(new Date(`${days[0]!.day}T12:00:00`).getTime(), now - 13 * 86_400_000);
  const calendar = daysBetween(from, now);
  const rate: Bar[] = calendar.map((day) => {
    const { seen = 0, accepted = 0 } = known.get(day) ?? {};
    if (seen === 0) return { day, value: null, title: '' };
    return { day, value: accepted / seen, title: t('{0}: {1} of {2} taken', day, accepted, seen) };
  });
  const saved: Bar[] = calendar.map((day) => {
    const value = known.get(day)?.saved ?? 0;
    return { day, value: value === 0 ? null : value, title: t('{0}: {1} characters', day, value) };
  });
  const taken =
    seen === 0
      ? t('None of them has surely been seen yet.')
      : t(
          '{0} of the {1} that were seen were taken: {2}.',
          formats.number(accepted),
          formats.number(seen),
          formats.share(accepted / seen),
        );
  const total = formats.number(sum((d) => d.saved));
  const rows = days
    .toReversed()
    .map(
      (d) =>
        html`<tr><th scope="row">${d.day}</th><td>${formats.number(d.offered)}</td><td>${formats.number(d.seen)}</td><td>${formats.number(d.accepted)}</td><td>${formats.number(d.rejected)}</td><td>${d.seen === 0 ? '–' : formats.share(d.accepted / d.seen)}</td><td>${formats.number(d.saved)}</td></tr>`,
    );
  const heads = [
    t('Day'),
    t('Suggested'),
    t('Seen'),
    t('Taken'),
    t('Refused'),
    t('Share taken'),
    t('Characters saved'),
  ];
  return html`<p>${t('In the last 60 days {0} were suggested.', formats.number(sum((d) => d.offered)))} ${taken} ${t('{0} characters were not typed.', total)}</p>
<figure><figcaption>${t('Share of the seen suggestions that were taken, by day')}</figcaption>${chartHtml(taken, { bars: rate, top: 1, unit: 'share', locale: formats.locale })}</figure>
<figure><figcaption>${t('Characters saved, by day')}</figcaption>${chartHtml(t('{0} characters were not typed.', total), { bars: saved, top: 10, unit: 'number', locale: formats.locale })}</figure>
<details id="days"><summary id="days-summary">${t('The same as a table')}</summary>${table('days', t('Suggestions by day'), heads, rows)}</details>`;
}

function gateSection({ overview, formats }: PanelFacts): Html {
  const { signals, seldom, calibration, held } = overview.gate;
  const learned = t(
    'Of each suggestion it is worked out how likely you are to accept it; {0} earlier ones taught that. What is too unlikely (knack.eagerness) is not shown unasked.',
    formats.number(signals),
  );
  const count = t('In the last 7 days {0} were held back.', formats.number(held.count));
  const rows = held.newest.map(
    ({ at, path, line, p }) =>
      html`<tr><th scope="row">${formats.time(at)}</th><td class="wide">${`${path}:${line + 1}`}</td><td>${formats.share(p)}</td></tr>`,
  );
  const heads = [t('Held back'), t('Where'), t('Likely to be accepted')];
  const kinds = seldom.map(
    ({ kind, shown, taken }) =>
      html`<tr><th scope="row" class="wide">${kindText(kind)}</th><td>${formats.number(shown)}</td><td>${formats.number(taken, taken % 1 === 0 ? 0 : 1)}</td></tr>`,
  );
  const habits = t('What you seldom take, and so is shown only where everything else speaks for it:');
  const bins = calibration.bins
    .filter((bin) => bin.count > 0)
    .map(
      ({ from, to, count, forecast, came }) =>
        html`<tr><th scope="row">${`${formats.share(from)}–${formats.share(to)}`}</th><td>${formats.number(count)}</td><td>${formats.share(forecast!)}</td><td>${formats.share(came!)}</td></tr>`,
    );
  const reliability = [t('Forecast'), t('Suggestions'), t('Forecast on average'), t('Taken')];
  return html`<p>${learned} ${count}</p>${kinds.length === 0 ? '' : html`<p>${habits}</p>${table('seldom', habits, [t('Kind'), t('Shown'), t('Taken')], kinds)}`}${rows.length === 0 ? '' : table('held', t('Held back'), heads, rows)}
${bins.length === 0 ? '' : html`<p>${t('What was forecast, and what came of it:')}</p>${table('reliability', t('What was forecast, and what came of it:'), reliability, bins)}`}`;
}

/** A kind of suggestion (gate/habits.ts), for people. */
function kindText(kind: GateInfo['seldom'][number]['kind']): string {
  switch (kind.is) {
    case 'short':
      return t('Less than 8 characters');
    case 'long':
      return t('More than 40 characters');
    case 'lines':
      return t('Several lines');
    case 'removes':
      return t('Something is taken away');
    case 'next':
      return t('In another line than the cursor');
    case 'prose':
      return t('In comments and prose');
    case 'tests':
      return t('In tests');
    case 'word':
      return t('In the middle of a word');
    case 'again':
      return t('A recent edit, done again');
    case 'here':
      return t('Where the last edit was');
    case 'away':
      return t('Elsewhere than the last edit');
    case 'folder':
      return t('In the folder {0}', kind.name === '' ? '.' : kind.name);
    case 'file':
      return t('In the file {0}', kind.name);
    case 'language':
      return t('In the language {0}', kind.name);
  }
}

/** The ladder of learning, from what is on the screen to the weights: how much each step takes for what it holds. */
function sizesSection({ overview, formats }: PanelFacts): Html {
  const { cacheBytesAToken, rememberedEdits, memoryBytes, adapterBytes, learnedSignals } = overview.sizes;
  const rows = [
    [
      t('What the model is shown'),
      t('at once, and gone with the next file'),
      cacheBytesAToken === null ? '–' : t('{0} a token', formats.bytes(cacheBytesAToken)),
    ],
    [
      t('Remembered edits: {0}', formats.number(rememberedEdits)),
      t('from the first accept or typed line on'),
      rememberedEdits === 0 ? '–' : t('{0} an edit', formats.bytes(memoryBytes / rememberedEdits)),
    ],
    [
      t('The weights: {0} signals', formats.number(learnedSignals)),
      t('after a round of training'),
      learnedSignals === 0 ? '–' : t('{0} bits a signal', formats.number((8 * adapterBytes) / learnedSignals)),
    ],
  ].map(
    ([what, when, size]) => html`<tr><th scope="row">${what!}</th><td class="wide">${when!}</td><td>${size!}</td></tr>`,
  );
  return html`${table('sizes', t('What it holds'), [t('Where'), t('Since when'), t('Size')], rows)}
<p>${button('knack.memory', t('Show what it remembers'))}</p>`;
}

function roundsSection({ overview, formats }: PanelFacts): Html {
  const { rounds } = overview;
  if (rounds.length === 0) return html`<p>${t('No round of training has been run yet.')}</p>`;
  const loss = (value: number | null): string => (value === null ? '–' : formats.number(value, 3));
  const rows = rounds.map(
    (r) =>
      html`<tr><th scope="row">${formats.time(r.started)}</th><td class="${r.decision ?? 'running'}">${decisionOf(r)}</td><td class="wide">${r.reason}</td><td>${formats.number(r.signals)}</td><td>${r.steps === null ? '–' : formats.number(r.steps)}</td><td>${loss(r.lossBefore)} → ${loss(r.lossAfter)}</td><td>${r.device}</td></tr>`,
  );
  const heads = [
    t('Begun'),
    t('Came to'),
    t('Why'),
    t('Signals'),
    t('Steps'),
    t('Training loss (nats a token)'),
    t('Device'),
  ];
  return table('rounds', t('What was learned'), heads, rows);
}

function decisionOf({ decision, checkpoint }: RoundInfo): string {
  switch (decision) {
    case 'promoted':
      return t('Promoted ({0})', shortId(checkpoint ?? ''));
    case 'refused':
      return t('Refused');
    case 'stopped':
      return t('Stopped');
    case 'failed':
      return t('Failed');
    case null:
      return t('Running');
  }
}

function checkpointsSection({ overview, formats }: PanelFacts): Html {
  const { checkpoints, checkpoint: serving } = overview;
  const states = {
    candidate: t('candidate'),
    current: t('suggests now'),
    refused: t('refused'),
    retired: t('served before'),
    'rolled-back': t('was gone back from'),
  } as const;
  const row = (id: string, name: string, created: string, state: string, reason: string, usable: boolean): Html =>
    html`<tr><th scope="row">${name}</th><td>${created}</td><td>${state}</td><td class="wide">${reason}</td><td>${
      id === serving
        ? ''
        : usable
          ? button('knack.goBack', t('Go back to it'), id, `${t('Go back to it')}: ${name}`)
          : t('no longer kept')
    }</td></tr>`;
  const rows = checkpoints.map((c) =>
    row(
      c.id,
      shortId(c.id),
      formats.time(c.created),
      states[c.state],
      c.reason,
      c.usable && c.state !== 'candidate' && c.state !== 'refused',
    ),
  );
  rows.push(row('base', t('The model as it ships'), '', serving === 'base' ? states.current : '', '', true));
  return table('checkpoints', t('Checkpoints'), [t('Checkpoint'), t('Made'), t('State'), t('Why'), t('Choose')], rows);
}

function storedSection({ overview, formats, now }: PanelFacts): Html {
  const { suggestions, written, oldestAt, databaseBytes, checkpointBytes, folder } = overview.stored;
  const since = oldestAt === null ? '' : t('The oldest is of {0}.', localDay(Math.min(oldestAt, now)));
  const sizes = t(
    'The database takes {0}, checkpoints take {1}.',
    formats.bytes(databaseBytes),
    formats.bytes(checkpointBytes),
  );
  return html`<p>${t('{0} suggestions, with the text around them and what became of them, and {1} edits that you made.', formats.number(suggestions), formats.number(written))} ${since} ${sizes} ${t('Secrets are cut out before anything is written, and nothing leaves this machine.')}</p>
<p><code>${folder}</code></p>
<p>${button('knack.stored', t('Show what is stored'))} ${button('knack.report', t('Report a problem'))} ${button('knack.deleteAll', t('Delete everything'))}</p>`;
}

/** A table that is scrolled sideways where it is too broad, also by keyboard: it takes the focus, and has a name. */
function table(id: string, name: string, heads: readonly string[], rows: readonly Html[]): Html {
  return html`<div class="scroll" id="${id}-table" tabindex="0" role="group" aria-label="${name}"><table aria-label="${name}"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** A button that runs a command of Knack's, with one argument if it needs one. */
function button(command: string, label: string, argument = '', description = label): Html {
  return html`<button type="button" id="${command}-${argument}" data-command="${command}" data-argument="${argument}" aria-label="${description}">${label}</button>`;
}
