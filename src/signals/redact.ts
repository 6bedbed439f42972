/**
 * Cuts secrets from text before it is stored.
 *
 * Two sets of rules: secretlint's recommended preset, and our table in secrets.ts. Each finding gives way to
 * `<redacted:kind>`; the rest of the text, and every line end, stays. Text is looked at as it stands in the document:
 * parts that meet at the cursor are joined first, so that a secret split over them is found.
 *
 * secretlint's rules are run directly, through their documented interface, not by its core: the core is asynchronous,
 * obeys `secretlint-disable` comments in the text, and by default collects performance entries without end.
 */
import { rules as presetRules } from '@secretlint/secretlint-rule-preset-recommend';
import { REDACTED } from '../completion/kept.ts';
import { SECRET_RULES } from './secrets.ts';

/** A secret's place in a text, UTF-16 units. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

export interface Redacted {
  readonly parts: readonly string[];
  /** Kinds that were cut, once for each finding. */
  readonly found: readonly string[];
}

/** What this file uses of a secretlint rule (`SecretLintRuleCreator` of @secretlint/types). */
interface PresetRule {
  readonly meta: { readonly id: string; readonly type: string };
  create(context: PresetContext, options: object): { file?(source: PresetSource): unknown };
}
interface PresetSource {
  readonly content: string;
  readonly filePath: string | undefined;
  readonly ext: string;
  readonly contentType: 'text';
}
interface PresetContext {
  readonly sharedOptions: object;
  createTranslator(messages: object): (id: string, data?: Record<string, unknown>) => PresetMessage;
  report(finding: { readonly message: PresetMessage; readonly range: readonly [number, number] }): void;
  ignore(): void;
}
interface PresetMessage {
  readonly message: string;
  readonly messageId: string;
  readonly data: Record<string, unknown>;
}

/** Left out: comments that switch rules off, and URLs, of which ours finds more and leaves the host. */
const LEFT_OUT = /rule-(filter-comments|basicauth|database-connection-string)$/;

/** Text without its secrets. */
export function redact(text: string): { text: string; found: readonly string[] } {
  const { parts, found } = redactParts([text]);
  return { text: parts[0]!, found };
}

/** Parts of one text, in order, each without its share of the secrets found in their join. */
export function redactParts(parts: readonly string[]): Redacted {
  return redactJoins(parts, [parts.map((_, i) => i)]);
}

/**
 * Parts that make up several texts, each without the secrets found in any of these.
 *
 * A secret that spans parts leaves its marker in the first of them.
 *
 * @param joins each a text, as indices of its parts in order
 */
export function redactJoins(parts: readonly string[], joins: readonly (readonly number[])[]): Redacted {
  const cuts: Cut[][] = parts.map(() => []);
  const found: string[] = [];
  for (const join of joins) {
    const findings = findSecrets(join.map((i) => parts[i]!).join(''));
    found.push(...findings.map((f) => f.kind));
    let offset = 0;
    for (const i of join) {
      cuts[i]!.push(...findings.flatMap((f) => cutOf(f, offset, parts[i]!.length)));
      offset += parts[i]!.length;
    }
  }
  return { parts: parts.map((part, i) => cutOut(part, cuts[i]!)), found };
}

/** Secrets in a text, in order, without overlaps. Time is linear in the text for all rules. */
export function findSecrets(text: string): Finding[] {
  if (text === '') return [];
  return merge([...ownFindings(text), ...presetFindings(text)]);
}

function* ownFindings(text: string): Generator<Finding> {
  for (const rule of SECRET_RULES) {
    for (const match of text.matchAll(rule.pattern)) {
      const secret = match.groups?.secret ?? match[0];
      if (secret === '' || (rule.accept && !rule.accept(secret, match))) continue;
      const start = match.index + (match.groups?.secret === undefined ? 0 : match[0].lastIndexOf(secret));
      yield { start, end: start + secret.length, kind: rule.kind };
    }
  }
}

/** What the preset's rules report while they look at a text. */
let report: (kind: string, message: PresetMessage, range: readonly [number, number]) => void = () => {};

/** The preset's rules, set up once: most of them compile patterns when they are made. */
const PRESET = (presetRules as unknown as readonly PresetRule[])
  .filter((rule) => !LEFT_OUT.test(rule.meta.id))
  .map((rule) => {
    const kind = rule.meta.id.replace(/^.*rule-/, '');
    return rule.create(
      {
        sharedOptions: {},
        createTranslator: () => (messageId, data) => ({ message: messageId, messageId, data: data ?? {} }),
        report: ({ message, range }) => report(kind, message, range),
        ignore: () => {},
      },
      {},
    );
  });

function presetFindings(text: string): Finding[] {
  const findings: Finding[] = [];
  report = (kind, { data }, range) => {
    // Some ranges begin at the key's name, yet are as long as its value: the value itself is what to cut.
    const values = Object.values(data).filter((v): v is string => typeof v === 'string' && v.length >= 8);
    const places = values.flatMap((value) => occurrences(text, value, kind));
    findings.push(...(places.length > 0 ? places : [{ start: range[0], end: range[1], kind }]));
  };
  const source: PresetSource = { content: text, filePath: undefined, ext: '', contentType: 'text' };
  for (const rule of PRESET) rule.file?.(source);
  return findings;
}

function occurrences(text: string, value: string, kind: string): Finding[] {
  const found: Finding[] = [];
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + value.length)) {
    found.push({ start: at, end: at + value.length, kind });
  }
  return found;
}

/** Sorted, overlapping findings joined; the kind is that of the one that begins first, the longest of those. */
function merge(findings: Finding[]): Finding[] {
  findings.sort((a, b) => a.start - b.start || b.end - a.end);
  const merged: Finding[] = [];
  for (const finding of findings) {
    const last = merged.at(-1);
    if (last && finding.start < last.end) {
      if (finding.end > last.end) merged[merged.length - 1] = { ...last, end: finding.end };
    } else merged.push(finding);
  }
  return merged;
}

/** What a finding takes from one part. */
interface Cut extends Finding {
  /** The secret begins here, so that its marker stands here. */
  readonly marked: boolean;
}

/** The share of a part that begins at `offset` of the joined text. */
function cutOf({ start, end, kind }: Finding, offset: number, length: number): Cut[] {
  const from = Math.max(0, start - offset);
  const to = Math.min(length, end - offset);
  return to <= from ? [] : [{ start: from, end: to, kind, marked: start >= offset }];
}

function cutOut(part: string, cuts: Cut[]): string {
  if (cuts.length === 0) return part;
  let out = '';
  let at = 0;
  for (const { start, end, kind } of merge(cuts)) {
    const marked = cuts.some((c) => c.marked && c.start >= start && c.start < end);
    const lineEnds = part.slice(start, end).match(/\r?\n/g) ?? [];
    out += part.slice(at, start) + (marked ? `${REDACTED}${kind}>` : '') + lineEnds.join('');
    at = end;
  }
  return out + part.slice(at);
}
