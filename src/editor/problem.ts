/** What a report of a problem shares, as Markdown; pure. The user reads it, and sends it or does not. */
import { t } from '@vscode/l10n';
import type { EngineState } from '../engine/protocol.ts';
import { fenced } from './explain.ts';

export interface ProblemFacts {
  readonly versions: Readonly<Record<string, string>>;
  readonly state: EngineState;
  /** Settings of Knack's that are not at their default. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly log: readonly string[];
  /** The user's folder, whose name is nobody's business. */
  readonly home: string;
  /** Cuts secrets. */
  readonly redact: (text: string) => string;
}

/** The page: no code, no suggestion, no file's text; secrets and the user's folder are cut out of the rest. */
export function problemPage({ versions, state, settings, log, home, redact }: ProblemFacts): string {
  const clean = (text: string): string => redact(withoutHome(text, home));
  const facts = Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`);
  return [
    `<!-- ${t('This is all that the report would share. Nothing has been sent, and Knack sends nothing: read it, change what you like, and copy it to where you report the problem.')} -->`,
    `## ${t('What happened?')}`,
    t('(What did you do, what did you expect, and what came instead?)'),
    `## ${t('Versions')}`,
    facts.join('\n'),
    `## ${t('State of the engine')}`,
    fenced(clean(JSON.stringify(state, null, 2)), 'json'),
    `## ${t('Settings that are not at their default')}`,
    fenced(clean(JSON.stringify(settings, null, 2)), 'json'),
    `## ${t('The last lines of the log')}`,
    fenced(clean(log.join('\n'))),
    '',
  ].join('\n\n');
}

function withoutHome(text: string, home: string): string {
  if (home === '' || home === '/') return text;
  const escaped = JSON.stringify(home).slice(1, -1); // as a path stands in JSON
  return text.replaceAll(escaped, '~').replaceAll(home, '~');
}
