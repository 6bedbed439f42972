/** Pages of text about single suggestions: why it was made, and all that is stored of it. Pure. */
import { t } from '@vscode/l10n';
import { confidenceOf, type Eagerness, LEAST_LIKELY } from '../completion/eagerness.ts';
import type { Snapshot } from '../completion/snapshot.ts';
import { rememberedShare, type Suggestion } from '../completion/suggestion.ts';
import type { CheckpointInfo, MemoryEntry, PromptView } from '../engine/protocol.ts';
import { type Formats, shortId } from '../panel/format.ts';
import type { StoredEntry } from '../signals/view.ts';

/** A smaller part than this in a suggestion is none worth telling. */
const LEAST_PART = 0.02;

export interface WhyFacts {
  readonly suggestion: Suggestion;
  readonly snapshot: Snapshot;
  readonly trigger: 'automatic' | 'explicit';
  readonly at: number;
  readonly eagerness: Eagerness;
  /** The checkpoint that made it, if it is still known. */
  readonly checkpoint: CheckpointInfo | null;
  /** The remembered edits that had a part in it, of those that are still remembered. */
  readonly memory: readonly MemoryEntry[];
  /** The prompt, made again now; null if there is no engine to make it. */
  readonly prompt: PromptView | null;
  readonly formats: Formats;
}

/** `Knack: Why This Suggestion?` as Markdown. */
export function whyPage({
  suggestion: s,
  snapshot,
  trigger,
  at,
  eagerness,
  checkpoint,
  memory,
  prompt,
  formats,
}: WhyFacts): string {
  const confidence = confidenceOf(s);
  const probability = Math.exp(s.tokenLogprobs.reduce((a, b) => a + b, 0));
  const maker =
    s.checkpoint === 'base'
      ? isRemembered(s)
        ? t('The model as it ships, with what was remembered.')
        : t('The model as it ships: nothing that was learned had a part in it.')
      : checkpoint === null
        ? t('Checkpoint {0}.', shortId(s.checkpoint))
        : t(
            'Checkpoint {0}, made {1}: {2}',
            shortId(s.checkpoint),
            formats.time(checkpoint.created),
            checkpoint.reason,
          );
  const asked = trigger === 'explicit' ? t('You asked for it.') : t('It came unasked, while you typed.');
  const sure = t(
    'It gave each of the {0} tokens a probability of {1} on average, and the whole {2}.',
    s.tokenLogprobs.length,
    formats.share(confidence),
    formats.share(probability),
  );
  const likely =
    s.likely === undefined
      ? ''
      : t(
          'By what became of earlier ones, you would accept it with a probability of {0}. Unasked suggestions are shown from {1} on (knack.eagerness: {2}).',
          formats.share(s.likely),
          formats.share(LEAST_LIKELY[eagerness]),
          eagerness,
        );
  const { start, end } = s.edit;
  return join(
    `# ${t('Why this suggestion?')}`,
    `${snapshot.path}:${start.line + 1}:${start.character + 1}–${end.line + 1}:${end.character + 1}, ${formats.time(at)}. ${asked}`,
    fenced(s.edit.text, snapshot.languageId),
    `## ${t('What made it')}`,
    maker,
    s.repeats === undefined
      ? ''
      : t('It does again what an earlier edit did: the model was asked about it, and did not write it by itself.'),
    t('It took {0} ms.', formats.number(s.latencyMs)),
    ...rememberedText(s, memory, formats),
    `## ${t('How sure the model was')}`,
    sure,
    likely,
    `## ${t('What the model was shown')}`,
    ...(prompt === null
      ? [t('The engine is not ready, so the prompt cannot be shown.')]
      : promptText(prompt, s, formats)),
  );
}

/** Whether remembered edits had a part in it that is worth telling. */
function isRemembered(suggestion: Suggestion): boolean {
  return (suggestion.remembered?.entries.length ?? 0) > 0 && rememberedShare(suggestion) >= LEAST_PART;
}

/** Nothing where nothing was remembered. */
function rememberedText(suggestion: Suggestion, memory: WhyFacts['memory'], formats: Formats): string[] {
  const { remembered } = suggestion;
  const share = rememberedShare(suggestion);
  if (remembered === undefined || share < LEAST_PART) return [];
  const from =
    remembered.entries.length === 0
      ? t('It stood in the text around the cursor.')
      : memory.length === 0
        ? t('It is not remembered any more.')
        : t('It comes from this, and perhaps from the text around the cursor:');
  return [
    `## ${t('What was remembered')}`,
    t('About {0} of it was brought by memory, the rest by the model. {1}', formats.share(share), from),
    ...memory.map((entry) => memoryText(entry, formats)),
  ];
}

function memoryText({ at, path, kind, removed, added }: MemoryEntry, formats: Formats): string {
  return `${path}, ${formats.time(at)}, ${howText(kind)}\n\n${diff(removed, added)}`;
}

/** How a remembered edit came about. */
export function howText(kind: MemoryEntry['kind']): string {
  return { accepted: t('accepted'), typed: t('typed instead of a suggestion'), written: t('written by you') }[kind];
}

function diff(removed: readonly string[], added: readonly string[]): string {
  return fenced([...removed.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].join('\n'), 'diff');
}

/** One remembered edit as Markdown. */
export function memoryPage(entry: MemoryEntry, formats: Formats): string {
  return join(
    `# ${t('A remembered edit')}`,
    memoryText(entry, formats),
    t('Where the words before it are written again, it has a part in what is suggested.'),
  );
}

function promptText(prompt: PromptView, { promptHash }: Suggestion, { number }: Formats): string[] {
  const tokens = prompt.parts.reduce((sum, part) => sum + part.tokens, 0);
  const same =
    prompt.hash === promptHash
      ? t('Exactly this:')
      : t('It has been made again, and is not the same any more; as it would be now:');
  return [
    t('{0} tokens in {1} parts, format {2}. {3}', number(tokens), prompt.parts.length, prompt.format, same),
    ...prompt.parts.flatMap(({ tokens: n, text }, i) => [
      `### ${t('Part {0}: {1} tokens', i + 1, number(n))}`,
      fenced(text),
    ]),
  ];
}

/** All that is stored of one suggestion or edit, as Markdown. */
export function entryPage(entry: StoredEntry, formats: Formats): string {
  const { offer, written } = entry;
  if (written !== null) return writtenPage(entry.id, entry.at, written, formats);
  const observed = entry.observed === null ? '' : entry.observed ? t('observed') : t('inferred');
  const outcome = entry.outcome === null ? t('not known yet') : `${entry.outcome} (${entry.reason}, ${observed})`;
  const facts: [string, string | number | null][] = [
    ['id', entry.id],
    [t('stored'), formats.time(entry.at)],
    [t('outcome'), outcome],
    [t('accepted characters'), entry.acceptedChars],
  ];
  for (const { afterMs, share, goneOn } of entry.survival) {
    const stood = formats.share(share);
    facts.push([
      t('stood after {0} s', afterMs / 1_000),
      goneOn ? t('{0}, and more was put in right behind it', stood) : stood,
    ]);
  }
  if (offer) {
    facts.push(
      [t('file'), offer.path],
      [t('language'), offer.language],
      [t('replaces'), `${place(offer.start)}–${place(offer.end)}`],
      [t('checkpoint'), offer.checkpoint],
      [t('asked'), offer.trigger],
      [t('latency'), `${formats.number(offer.latencyMs)} ms`],
      [t('log-probabilities'), offer.tokenLogprobs.map((p) => p.toFixed(3)).join(' ')],
      [t('prompt'), `${offer.promptFormat} ${offer.promptHash ?? ''}`.trim()],
      [t('window'), offer.windowId],
      [t('remembered for it'), offer.remembered?.entries.join(' ') ?? null],
      [t('secrets cut out'), offer.redactions],
    );
  }
  const recent = (offer?.recent ?? []).flatMap((edit) => [
    `### ${edit.path}:${edit.line + 1}`,
    fenced(edit.removed, 'text'),
    fenced(edit.added, 'text'),
  ]);
  return join(
    `# ${t('All that is stored of one suggestion')}`,
    facts
      .filter(([, value]) => value !== null)
      .map(([name, value]) => `- ${name}: ${value}`)
      .join('\n'),
    `## ${t('The suggestion')}`,
    fenced(entry.text, offer?.language),
    ...(entry.typedInstead === null
      ? []
      : [`## ${t('What was typed instead')}`, fenced(entry.typedInstead, offer?.language)]),
    ...(offer === null
      ? []
      : [
          `## ${t('The text before it')}`,
          fenced(offer.before, offer.language),
          `## ${t('The text after it')}`,
          fenced(offer.after, offer.language),
        ]),
    ...(recent.length === 0 ? [] : [`## ${t('Recent edits, before and after')}`, ...recent]),
  );
}

function writtenPage(id: string, at: number, edit: NonNullable<StoredEntry['written']>, { time }: Formats): string {
  const { path, removed, added, above, below } = edit;
  const isThere = removed.length + added.length > 0;
  return join(
    `# ${t('All that is stored of one edit')}`,
    [`- id: ${id}`, `- ${t('stored')}: ${time(at)}`, `- ${t('file')}: ${path}`].join('\n'),
    isThere ? diff(removed, added) : t('No text: it was taken back, is very long, or holds a secret.'),
    ...(above === null ? [] : [`## ${t('The line above it')}`, fenced(above)]),
    ...(below === null ? [] : [`## ${t('The line below it')}`, fenced(below)]),
  );
}

const place = ({ line, character }: { line: number; character: number }): string => `${line + 1}:${character + 1}`;

/** A fenced block that its text cannot end. */
export function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

const join = (...paragraphs: readonly string[]): string => `${paragraphs.filter((p) => p !== '').join('\n\n')}\n`;
