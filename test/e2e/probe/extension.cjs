// A small extension that tests the harness itself: it offers a fixed text on every line that ends in "probe ", writes
// the ready mark, and notes whether VS Code let it register a provider that needs proposed API.
const fs = require('node:fs');
const vscode = require('vscode');

exports.activate = (context) => {
  const provideInlineCompletionItems = (document, position) =>
    document.lineAt(position).text.slice(0, position.character).endsWith('probe ')
      ? [new vscode.InlineCompletionItem('first line\nsecond line')]
      : [];
  const all = { pattern: '**' };
  context.subscriptions.push(
    vscode.languages.registerInlineCompletionItemProvider(all, { provideInlineCompletionItems }),
  );
  let proposedApi = 'allowed';
  try {
    const provider = { provideInlineCompletionItems: () => [], handleDidShowCompletionItem: () => {} };
    context.subscriptions.push(vscode.languages.registerInlineCompletionItemProvider(all, provider));
  } catch (error) {
    proposedApi = error.message;
  }
  fs.mkdirSync(context.globalStorageUri.fsPath, { recursive: true });
  fs.writeFileSync(process.env.KNACK_READY_FILE, JSON.stringify({ phase: 'ready', proposedApi }));
};
