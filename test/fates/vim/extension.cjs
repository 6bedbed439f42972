/** The context keys that VSCodeVim sets, and its command for Esc; the mode is in the status bar. */
const vscode = require('vscode');

exports.activate = (context) => {
  const item = vscode.window.createStatusBarItem('vimKeys', vscode.StatusBarAlignment.Left);
  const set = (mode) => () => {
    item.text = `vim:${mode}`;
    item.show();
    vscode.commands.executeCommand('setContext', 'vim.active', mode !== 'off');
    return vscode.commands.executeCommand('setContext', 'vim.mode', mode);
  };
  for (const mode of ['Insert', 'Normal', 'off']) {
    context.subscriptions.push(vscode.commands.registerCommand(`vimKeys.${mode}`, set(mode)));
  }
  context.subscriptions.push(item, vscode.commands.registerCommand('extension.vim_escape', set('Normal')));
};
