// The panel's script: takes sections that have changed, without moving the focus, and tells the extension of buttons.
(() => {
  const vscode = acquireVsCodeApi();

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-command]');
    if (!button) return;
    vscode.postMessage({ command: button.dataset.command, argument: button.dataset.argument || null });
  });

  window.addEventListener('message', ({ data }) => {
    document.getElementById('problem').textContent = data.problem ?? '';
    let changed = false;
    for (const { id, html } of data.sections ?? []) changed = replace(id, html) || changed;
    const said = document.getElementById('said');
    if (changed) said.textContent = said.dataset.changed;
  });

  /** HTML from the extension, which has escaped all that is not its own. */
  function replace(id, html) {
    const section = document.getElementById(id);
    if (!section || section.dataset.html === html) return false;
    const first = section.dataset.html === undefined;
    section.dataset.html = html;
    if (first && section.innerHTML === html) return false;
    const focused = section.contains(document.activeElement) ? document.activeElement.id : '';
    const open = Array.from(section.querySelectorAll('details[open]'), (details) => details.id);
    section.innerHTML = html;
    for (const details of open) document.getElementById(details)?.setAttribute('open', '');
    if (focused) document.getElementById(focused)?.focus();
    return true;
  }

  vscode.postMessage({ command: 'loaded', argument: null });
})();
