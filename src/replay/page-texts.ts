/** What the page's script says, in the language that is shown: it has no texts of its own. */
import { t } from '@vscode/l10n';

/** `{0}` and `{1}` are filled in by the script. */
export function pageTexts(): Readonly<Record<string, string>> {
  return {
    all: t('all'),
    repository: t('Repository'),
    arm: t('Arm'),
    asked: t('Asked'),
    onArrival: t('on arrival'),
    whileTyping: t('while typing'),
    far: t('far: next hunk'),
    atRest: t('at rest'),
    whatBecame: t('What became'),
    answer: t('Answer'),
    right: t('right'),
    partly: t('partly right'),
    wrong: t('wrong'),
    none: t('none'),
    pathOrText: t('path or text'),
    search: t('Search'),
    count: t('{0} of {1}'),
    nothingFits: t('No ask fits these filters.'),
    more: t('{0} more'),
    done: t('Nothing: the file was done.'),
    typedNext: t('Typed next'),
    noAnswer: t('no answer'),
    confidence: t('confidence {0}'),
    breaks: t('brings {0} syntax errors'),
    mends: t('mends {0} syntax errors'),
  };
}

/** When it was asked, as a row's label. */
export function pointTexts(): Readonly<Record<'arrival' | 'typing' | 'far' | 'rest', string>> {
  return { arrival: t('arrival'), typing: t('typing'), far: t('far'), rest: t('rest') };
}
