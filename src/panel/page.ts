/** The panel's page: a strict policy, styles from the theme, and the sections, which the script exchanges as they change. */
import { t } from '@vscode/l10n';
import { type Html, html } from './html.ts';
import type { Section } from './sections.ts';

export interface PageOptions {
  readonly language: string;
  /** Of this page alone: the only script and style that run. */
  readonly nonce: string;
  /** Where the script lies, as the webview may load it. */
  readonly script: string;
}

/** Commands that the page may ask for; others are ignored. */
export const PANEL_COMMANDS: ReadonlySet<string> = new Set([
  'knack.pauseLearning',
  'knack.resumeLearning',
  'knack.trainNow',
  'knack.goBack',
  'knack.memory',
  'knack.stored',
  'knack.report',
  'knack.deleteAll',
]);

/** The whole page. Nothing is loaded but the script, and nothing is sent: default-src 'none'. */
export function pageOf(sections: readonly Section[], { language, nonce, script }: PageOptions): string {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  const page = html`<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>Knack</title>
<style nonce="${nonce}">${{ html: STYLE }}</style>
</head>
<body>
<main aria-label="Knack">
<h1>Knack</h1>
<p id="problem" role="alert"></p>
${sections.map(sectionHtml)}
</main>
<p id="said" class="unseen" role="status" data-changed="${t('The figures have changed.')}"></p>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
  return page.html;
}

function sectionHtml({ id, title, body }: Section): Html {
  return html`<section aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2><div id="${id}">${body}</div></section>
`;
}

const STYLE = `
body { font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); color: var(--vscode-foreground);
  background: var(--vscode-editor-background); max-width: 62em; padding: 0 1.5em 2em; line-height: 1.5; }
h1 { font-size: 1.6em; font-weight: 600; }
h2 { font-size: 1.2em; font-weight: 600; margin: 1.8em 0 .4em; border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent)); padding-bottom: .2em; }
#problem:empty { display: none; }
#problem { color: var(--vscode-errorForeground); }
figure { margin: 1em 0; }
figcaption { color: var(--vscode-descriptionForeground); }
.chart { position: relative; width: 100%; max-width: 52em; height: 12em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: start; vertical-align: top; padding: .25em 1em .25em 0; font-weight: normal; }
td, tbody th { border-top: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent)); font-variant-numeric: tabular-nums; }
tbody th { white-space: nowrap; }
thead th { color: var(--vscode-descriptionForeground); }
.wide { min-width: 16em; }
.promoted { color: var(--vscode-charts-green); }
.failed { color: var(--vscode-errorForeground); }
button { font: inherit; color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground);
  border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent)); border-radius: 2px; padding: .2em .8em; cursor: pointer; }
button:hover { background: var(--vscode-button-secondaryHoverBackground); }
:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
summary { cursor: pointer; }
meter { width: 10em; }
code { font-family: var(--vscode-editor-font-family); word-break: break-all; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`;
