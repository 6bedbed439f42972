/**
 * The report as one page that needs nothing else: no network, no other file. What it shows of a history stays in it.
 *
 * The style sheet and the script are files of their own (media/replay); a policy in the page names their hashes, so
 * that nothing else runs, whatever a history holds.
 */
import { createHash } from 'node:crypto';
import { t } from '@vscode/l10n';
import { REFERENCE } from './arms.ts';
import { escaped, type Line, lineChart, type Point as Mark, stackedBars } from './chart.ts';
import { percent, plain } from './figures.ts';
import type { Moment } from './moments.ts';
import { pageTexts, pointTexts } from './page-texts.ts';
import { type ArmReport, SIGNALS_STEP } from './report.ts';
import type { Interval } from './resample.ts';
import { commitsOf, sentence, whole } from './sentence.ts';
import type { Report } from './session.ts';
import { POINTS } from './typist.ts';
import type { Fate } from './walk.ts';

export interface Page {
  readonly report: Report;
  /** By source. */
  readonly moments: readonly (readonly Moment[])[];
  /** Whose commits, for the first sentence: `your last 120 commits`; null: named by the report. */
  readonly commits: string | null;
  /** What made it: command, Knack's commit, seed. */
  readonly footer: string;
  /** Contents of media/replay/page.css and page.js. */
  readonly style: string;
  readonly script: string;
  /** Of the texts, as HTML has it; absent: English. */
  readonly language?: string;
}

const FATES = ['accepted', 'partly', 'rejected', 'silent', 'covered'] as const satisfies readonly Fate[];

function fateTexts(): Readonly<Record<Fate, string>> {
  return {
    accepted: t('taken whole'),
    partly: t('first line taken'),
    rejected: t('refused'),
    silent: t('nothing shown'),
    covered: t('skipped: an earlier one was taken'),
  };
}

export function htmlPage({ report, moments, commits, footer, style, script, language = 'en' }: Page): string {
  const { sources, pooled } = report;
  const names = pooled.arms.map((a) => a.name);
  const several = sources.length > 1;
  const total = sources.reduce((n, s) => n + s.commits, 0);
  const what =
    commits ??
    (several
      ? t('{0} of {1} repositories', commitsOf(total), sources.length)
      : t('{0} of {1}', commitsOf(total), sources[0]!.name));
  const views = [
    ...(several ? [{ name: t('all, pooled'), arms: pooled.arms, skipped: {} }] : []),
    ...sources.map(({ name, arms, skipped }) => ({ name, arms, skipped })),
  ];
  const data = {
    arms: names,
    sources: sources.map((s) => s.name),
    fates: fateTexts(),
    points: pointTexts(),
    texts: pageTexts(),
    moments: moments.flatMap((of, source) => of.map((m) => ({ ...m, source }))),
  };
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return `<!doctype html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}">
<title>${escaped(t('Replay of {0}', sources.map((s) => s.name).join(', ')))}</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="brand">Knack <span>${escaped(t('replay'))}</span></p>
<button id="theme" type="button" hidden>${escaped(t('Dark or light'))}</button>
<h1>${escaped(sentence(pooled.arms, what))}</h1>
<p class="how">${escaped(
    t(
      'A simulated developer typed these commits again, and asked for suggestions at places fixed beforehand. Whatever equals what was really typed next counts as right. Whiskers and bands are 95 % intervals.',
    ),
  )}</p>
${several ? `<label class="pick">${escaped(t('Repository'))} <select id="view">${views.map((v, i) => `<option value="${i}">${escaped(v.name)}</option>`).join('')}</select></label>` : ''}
</header>
<main>
${views.map((v, i) => view(v.name, v.arms, v.skipped, i)).join('\n')}
${browser(data.moments.length, pooled.arms)}
</main>
<footer><p>${escaped(footer)}</p><p>${keys()}</p></footer>
<script type="application/json" id="data">${JSON.stringify(data).replace(/[<\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}</script>
<script>${script}</script>
</body>
</html>
`;
}

function view(
  name: string,
  arms: readonly ArmReport[],
  skipped: Readonly<Record<string, number>>,
  index: number,
): string {
  const reasons = Object.entries(skipped);
  return `<section class="view" data-view="${index}" aria-label="${escaped(name)}">
${legend(arms)}
${figures(arms)}
<div class="charts">
<figure><figcaption><h2>${escaped(t('Accept rate against saved'))}</h2><p>${escaped(t('From showing only what is surest to showing all. The ring is where an arm stands.'))}${arms.some((a) => a.curveIs === 'counterfactual') ? ` ${escaped(t('Broken lines: arms that learn would have learned other things at other thresholds.'))}` : ''}</p></figcaption>${frontier(arms)}</figure>
<figure><figcaption><h2>${escaped(t('Accept rate as signals come in'))}</h2><p>${escaped(t('Each point is a hundred shown suggestions.'))}</p></figcaption>${bySignals(arms)}</figure>
<figure><figcaption><h2>${escaped(t('What became of the asks'))}</h2>${fateLegend()}</figcaption>${arms.map((a, i) => `<div class="fates"><h3><i class="key c${i % 6}"></i>${escaped(a.name)}</h3>${fates(a)}</div>`).join('')}</figure>
<figure><figcaption><h2>${escaped(t('Time of an answer'))}</h2><p>${escaped(t('Median, and 95 of 100 answers, on this machine with one thread.'))}</p></figcaption>${latency(arms)}
<h2>${escaped(t('Without knowing what was typed'))}</h2>${quality(arms)}</figure>
</div>
${
  reasons.length === 0
    ? ''
    : `<details><summary>${escaped(
        t(
          'Left out, commits or files: {0}',
          reasons.reduce((n, [, c]) => n + c, 0),
        ),
      )}</summary><ul>${reasons.map(([r, n]) => `<li>${whole(n)} × ${escaped(r)}</li>`).join('')}</ul></details>`
}
</section>`;
}

function legend(arms: readonly ArmReport[]): string {
  const about: Readonly<Record<string, string>> = {
    frozen: t('the model as it ships'),
    zeroshot: t('the untuned base model'),
    copy: t('no model: repeats lines and substitutions'),
    prior: t('the gate as it ships, which learns nothing'),
  };
  const entries = arms.map(
    (a, i) =>
      `<li><i class="key c${i % 6}"></i><b>${escaped(a.name)}</b> ${escaped(about[a.name] ?? t('learns along the way'))}</li>`,
  );
  return `<ul class="legend">${entries.join('')}</ul>`;
}

/** The figures of each arm, one below the other. */
function figures(arms: readonly ArmReport[]): string {
  const lifted = arms.some((a) => a.name !== REFERENCE && a.lift !== null);
  const forgets = arms.some((a) => a.forgetting !== null);
  const heads = [
    [t('shown'), t('suggestions')],
    [t('accept rate'), t('right ones among the shown; partly right count half')],
    [t('saved'), t('of what is typed and deleted')],
    [t('reward'), t('per 100 asks: 0.75 right, 0.25 partly, −0.25 wrong')],
    [t('exact: arrival'), t('right at the cursor, before anything is typed')],
    [t('typing'), t('right while typing')],
    [t('far'), t('right at another place')],
    [t('false alarms'), t('shown where nothing is left to do')],
    ...(lifted ? [[t('lift'), t('accept rate over {0}’s at equal saved', REFERENCE)]] : []),
    ...(forgets ? [[t('forgetting'), t('exact at arrival elsewhere, before and after')]] : []),
  ];
  const rows = arms.map((a, i) => {
    const cells = [
      whole(a.shown),
      ranged(a.intervals.acceptRate, percent),
      ranged(a.intervals.saved, percent),
      ranged(a.intervals.reward, plain),
      percent(a.exact.arrival),
      percent(a.exact.typing),
      percent(a.exact.far),
      percent(a.falseAlarms),
      ...(lifted ? [a.name === REFERENCE || !a.lift ? '–' : ranged(a.lift.all.acceptRateAtEqualSaved, signed)] : []),
      ...(forgets ? [a.forgetting ? `${percent(a.forgetting.before)} → ${percent(a.forgetting.after)}` : '–'] : []),
    ];
    return `<tr><th scope="row"><i class="key c${i % 6}"></i>${escaped(a.name)}</th>${cells.map((c) => `<td>${c}</td>`).join('')}</tr>`;
  });
  const head = heads.map(([h, t]) => `<th scope="col" title="${escaped(t!)}">${escaped(h!)}</th>`).join('');
  return `<div class="wide"><table><thead><tr><th scope="col">${escaped(t('arm'))}</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function ranged({ value, low, high }: Interval, show: (v: number | null) => string): string {
  const range =
    value === null || low === null || high === null ? '' : `<small>${t('{0} to {1}', show(low), show(high))}</small>`;
  return `${show(value)}${range}`;
}

function signed(share: number | null): string {
  return share === null ? '–' : `${share >= 0 ? '+' : '−'}${percent(Math.abs(share))}`;
}

function frontier(arms: readonly ArmReport[]): string {
  const lines = arms.map((arm, color): Line => {
    const live = arm.acceptRate === null || arm.saved === null ? null : liveMark(arm, arm.acceptRate, arm.saved);
    const points = arm.curve.flatMap((p): Mark[] => {
      if (p.acceptRate === null || p.saved === null) return [];
      const title = t(
        '{0} from {1} on: {2} of {3} shown, {4} saved',
        arm.name,
        p.threshold.toPrecision(3),
        percent(p.acceptRate),
        whole(p.shown),
        percent(p.saved),
      );
      return [{ x: p.saved, y: p.acceptRate, low: p.low, high: p.high, title }];
    });
    return { name: arm.name, color: color % 6, points, live, dashed: arm.curveIs === 'counterfactual' };
  });
  return lineChart(
    t('Accept rate against saved'),
    lines,
    { label: t('saved'), format: tick },
    { label: t('accept rate'), format: tick },
  );
}

function liveMark(arm: ArmReport, y: number, x: number): Mark {
  const { low, high } = arm.intervals.acceptRate;
  const title = t('{0}: {1} of {2} shown, {3} saved', arm.name, percent(y), whole(arm.shown), percent(x));
  return { x, y, low, high, title };
}

function bySignals(arms: readonly ArmReport[]): string {
  const lines = arms.map((arm, color): Line => {
    const points = arm.bySignals.flatMap((p): Mark[] => {
      const { acceptRate: value, low, high } = p;
      // The last stretch may be short, and then says little.
      if (arm.bySignals.length > 1 && p.accepted + p.partly + p.rejected < SIGNALS_STEP / 2) return [];
      const title = t('{0}, up to signal {1}: {2}', arm.name, p.signals, percent(value));
      return value === null ? [] : [{ x: p.signals, y: value, low, high, title }];
    });
    return { name: arm.name, color: color % 6, points, live: null, dashed: false };
  });
  return lineChart(
    t('Accept rate by signals'),
    lines,
    { label: t('signals'), format: (v) => whole(Math.round(v)) },
    { label: t('accept rate'), format: tick },
  );
}

function tick(share: number): string {
  const value = 100 * share;
  return `${Number(value.toPrecision(3))} %`;
}

function fateLegend(): string {
  const entries = Object.entries(fateTexts()).map(
    ([fate, words]) => `<li><i class="swatch ${fate}"></i>${escaped(words)}</li>`,
  );
  return `<ul class="legend">${entries.join('')}</ul>`;
}

function fates({ fates, asks }: ArmReport): string {
  const [texts, points] = [fateTexts(), pointTexts()];
  const bars = POINTS.map((point) => ({
    label: points[point],
    note: whole(asks[point]),
    parts: FATES.map((fate) => {
      const count = fates[point][fate];
      const share = asks[point] === 0 ? 0 : count / asks[point];
      return { share, class: fate, title: `${points[point]}: ${whole(count)} ${texts[fate]} (${percent(share)})` };
    }),
  }));
  return stackedBars(t('What became of the asks, by point'), bars);
}

function latency(arms: readonly ArmReport[]): string {
  const most = Math.max(1e-9, ...arms.map((a) => a.cost.askMs.p95 ?? 0));
  const bars = arms.flatMap(({ name, cost: { askMs } }, i) => {
    const { p50, p95 } = askMs;
    if (p50 === null || p95 === null) return [];
    const words = t('{0}: median {1}, 95 of 100 within {2}', name, ms(p50), ms(p95));
    const parts = [
      { share: p50 / most, class: `c${i % 6} solid`, title: words },
      { share: (p95 - p50) / most, class: `c${i % 6} faint`, title: words },
    ];
    return [{ label: name, note: `${ms(p50)} · ${ms(p95)}`, parts }];
  });
  return stackedBars(t('Time of an answer'), bars);
}

function ms(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function quality(arms: readonly ArmReport[]): string {
  const rows = arms.map(({ name, quality: { shown } }, i) => {
    const cells = [
      shown.newErrors,
      shown.newErrorsByOutcome.right,
      shown.newErrorsByOutcome.wrong,
      shown.undoes,
      shown.removesLines,
    ];
    return `<tr><th scope="row"><i class="key c${i % 6}"></i>${escaped(name)}</th>${cells.map((c) => `<td>${percent(c)}</td>`).join('')}</tr>`;
  });
  const heads = [t('break the syntax'), t('right ones'), t('wrong ones'), t('undo the last edit'), t('delete lines')];
  return `<div class="wide"><table class="small"><thead><tr><th scope="col">${escaped(t('of those shown'))}</th>${heads.map((h) => `<th scope="col">${escaped(h)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** What the script fills: filters, a list, one ask. */
function browser(count: number, arms: readonly ArmReport[]): string {
  if (count === 0) return '';
  const asks = arms.length === 0 ? 0 : POINTS.reduce((n, p) => n + arms[0]!.asks[p], 0);
  return `<section class="browser" aria-labelledby="single">
<h2 id="single">${escaped(t('Single asks'))}</h2>
<p>${escaped(count === asks ? t('All {0}.', whole(count)) : t('{0} of {1}, evenly spread.', whole(count), whole(asks)))}</p>
<form id="filters"></form>
<div class="panes"><div id="list" role="listbox" aria-label="${escaped(t('Asks'))}" tabindex="0"></div><article id="ask" aria-live="polite"></article></div>
<noscript><p>${escaped(t('The list of asks needs scripts to be allowed.'))}</p></noscript>
</section>`;
}

/** What the keys do; their names are drawn as keys. */
function keys(): string {
  const names = ['/', '↑', '↓', 'j', 'k'];
  return escaped(t('Keys: {0} search, {1} {2} or {3} {4} through the asks.')).replace(
    /\{(\d)\}/g,
    (_, n) => `<kbd>${names[Number(n)]}</kbd>`,
  );
}
