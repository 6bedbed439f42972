/** Composition root: wires the parts to each other and to VS Code. Nothing heavy happens here. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { RecentEdits } from './completion/recent.ts';
import { Announcer } from './editor/announce.ts';
import { registerCommands } from './editor/commands.ts';
import { Documents, SCHEMES } from './editor/documents.ts';
import { listen } from './editor/events.ts';
import { Fates } from './editor/fates.ts';
import { Provider } from './editor/provider.ts';
import { writeReadyMark } from './editor/ready.ts';
import { type Parsed, parseSettings } from './editor/settings.ts';
import { StatusBar } from './editor/statusbar.ts';
import { EngineClient } from './engine/client.ts';
import type { EngineState } from './engine/protocol.ts';
import { defaultCacheDir } from './model/cache.ts';
import { Outbox } from './signals/outbox.ts';

/** How often time alone is looked at, for what waits for it. */
const TICK_MS = 500;

let running: { stop(): Promise<void> } | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Knack', { log: true });
  const windowId = randomUUID();
  const announcer = new Announcer(context.globalState);
  let { settings, problems } = readSettings();
  announcer.problems(problems);

  const engineStates = new vscode.EventEmitter<EngineState>();
  const client = new EngineClient({
    file: join(context.extensionPath, 'dist', 'engine.cjs'),
    nodePath: settings.nodePath,
    params: {
      storageDir: context.globalStorageUri.fsPath,
      cacheDir: defaultCacheDir(),
      windowId,
      trusted: vscode.workspace.isTrusted,
      settings: settings.engine,
    },
    outbox: new Outbox(),
    log: (level, message) => log[level](message),
    onState: (state) => engineStates.fire(state),
  });
  const fates = new Fates({
    windowId,
    record: (events) => client.record(events),
    onOffered: (offered) => void vscode.commands.executeCommand('setContext', 'knack.offered', offered),
  });
  const recent = new RecentEdits();
  const documents = new Documents(settings);
  const bar = new StatusBar({ enabled: settings.enabled, engine: client.state, thinking: 0, quiet: null });
  const showQuiet = (): void => {
    const document = vscode.window.activeTextEditor?.document;
    bar.update({ quiet: (document && documents.quiet(document)?.reason) ?? null });
  };

  const provider = new Provider({
    settings: () => settings,
    documents,
    recent,
    fates,
    complete: (snapshot, signal, deadlineMs) => client.complete(snapshot, signal, deadlineMs),
    onThinking: (thinking) => bar.update({ thinking: bar.facts.thinking + (thinking ? 1 : -1) }),
    log,
  });
  const configure = (): void => {
    const { enabled } = settings;
    ({ settings, problems } = readSettings());
    announcer.problems(problems);
    documents.configure(settings);
    client.configure(settings.engine, vscode.workspace.isTrusted, settings.nodePath);
    bar.update({ enabled: settings.enabled });
    showQuiet();
    if (settings.enabled && !enabled) client.start();
    if (!settings.enabled && enabled) void client.stop();
  };
  const ticker = setInterval(() => {
    if (fates.waits) fates.apply({ type: 'tick', at: Date.now() });
  }, TICK_MS);

  context.subscriptions.push(
    log,
    bar,
    engineStates,
    { dispose: () => clearInterval(ticker) },
    engineStates.event((state) => {
      bar.update({ engine: state });
      if (settings.enabled) announcer.onState(state);
      markReady(state, log);
    }),
    vscode.languages.registerInlineCompletionItemProvider(
      SCHEMES.map((scheme) => ({ scheme })),
      provider,
    ),
    registerCommands({
      client,
      fates,
      log,
      forget: () => {
        fates.forget();
        recent.clear();
      },
      onEngineState: engineStates.event,
    }),
    listen({
      documents,
      recent,
      apply: (event) => fates.apply(event),
      activity: (at) => client.activity(at),
      onActiveDocument: showQuiet,
    }),
    vscode.workspace.onDidChangeConfiguration((e) => e.affectsConfiguration('knack') && configure()),
    vscode.workspace.onDidGrantWorkspaceTrust(configure),
  );
  showQuiet();
  markReady(client.state, log);
  if (settings.enabled) client.start();

  running = {
    stop: async () => {
      fates.apply({ type: 'closing', at: Date.now() });
      await client.dispose();
    },
  };
}

/** VS Code waits for this: the last outcomes are stored, then the engine ends. */
export async function deactivate(): Promise<void> {
  await running?.stop();
  running = undefined;
}

function readSettings(): Parsed {
  const configuration = vscode.workspace.getConfiguration('knack');
  return parseSettings((name) => {
    if (name !== 'exclude') return configuration.get(name);
    // A workspace may add to what the user excludes, never take away from it.
    const { globalValue, workspaceValue } = configuration.inspect<unknown>(name) ?? {};
    const given = [globalValue, workspaceValue].filter((value) => value !== undefined);
    return given.every(Array.isArray) ? given.flat() : given.find((value) => !Array.isArray(value));
  });
}

/** For tests from outside: KNACK_READY_FILE names the file to write. */
function markReady(state: EngineState, log: vscode.LogOutputChannel): void {
  const path = process.env.KNACK_READY_FILE;
  if (!path) return;
  try {
    writeReadyMark(path, state);
  } catch (error) {
    log.error(error as Error);
  }
}
