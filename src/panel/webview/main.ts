/** The panel's script: takes sections that have changed, without moving the focus, and tells the extension of buttons. */
import { drawCharts, dropCharts, followTheme } from './charts.ts';

declare function acquireVsCodeApi(): { postMessage(message: PanelRequest): void };

interface PanelRequest {
  readonly command: string;
  readonly argument: string | null;
}

/** What the extension sends: `problem` instead of figures, or the sections, some of which may have changed. */
interface PanelUpdate {
  readonly problem: string | null;
  readonly sections?: readonly { readonly id: string; readonly html: string }[];
}

const vscode = acquireVsCodeApi();
/** Section -> what it shows, as the browser writes it. */
const shown = new Map<string, string>();

for (const section of document.querySelectorAll('section > div[id]')) shown.set(section.id, section.innerHTML);
drawCharts(document.body);
followTheme();

document.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest<HTMLElement>('button[data-command]') : null;
  if (button) vscode.postMessage({ command: button.dataset.command!, argument: button.dataset.argument || null });
});

window.addEventListener('message', ({ data }: MessageEvent<PanelUpdate>) => {
  document.getElementById('problem')!.textContent = data.problem ?? '';
  const changed = (data.sections ?? []).filter(({ id, html }) => replace(id, html));
  const said = document.getElementById('said')!;
  if (changed.length > 0) said.textContent = said.dataset.changed!;
});

vscode.postMessage({ command: 'loaded', argument: null });

/** Shows a section's HTML, which the extension has escaped where it is not its own. @returns whether it is another. */
function replace(id: string, html: string): boolean {
  const section = document.getElementById(id);
  const content = document.createElement('template');
  content.innerHTML = html;
  if (!section || shown.get(id) === content.innerHTML) return false;
  shown.set(id, content.innerHTML);
  // Only while it is here: what has it elsewhere in the window keeps it.
  const focused = document.hasFocus() && section.contains(document.activeElement) ? document.activeElement!.id : '';
  const open = Array.from(section.querySelectorAll('details[open]'), (details) => details.id);
  dropCharts(section);
  section.replaceChildren(content.content);
  for (const details of open) document.getElementById(details)?.setAttribute('open', '');
  drawCharts(section);
  if (focused !== '') document.getElementById(focused)?.focus();
  return true;
}
