/** Composition root: wires the parts to each other and to VS Code. Nothing heavy happens here. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { config as configureTexts } from '@vscode/l10n';
import * as vscode from 'vscode';
import { RecentEdits } from './completion/recent.ts';
import { Alternatives } from './editor/alternatives.ts';
import { Announcer } from './editor/announce.ts';
import { askOnArrival } from './editor/arrive.ts';
import { Calm } from './editor/calm.ts';
import { chooseModel, offerModel } from './editor/choose-model.ts';
import { registerCommands } from './editor/commands.ts';
import { Documents, keyOf, SCHEMES } from './editor/documents.ts';
import { listen } from './editor/events.ts';
import { Fates } from './editor/fates.ts';
import { askGit, GitIgnored } from './editor/git-ignored.ts';
import { gitProgram, onIgnoreRules } from './editor/git-program.ts';
import { goBack } from './editor/go-back.ts';
import { Log } from './editor/log.ts';
import { NextEdits } from './editor/next-edit.ts';
import { Pages } from './editor/pages.ts';
import { Panel } from './editor/panel.ts';
import { Provider } from './editor/provider.ts';
import { writeReadyMark } from './editor/ready.ts';
import { ReplayCommand } from './editor/replay.ts';
import { report } from './editor/report.ts';
import { type Parsed, parseSettings } from './editor/settings.ts';
import { StatusBar } from './editor/statusbar.ts';
import { showMemory, showStored } from './editor/stored.ts';
import { Syntax } from './editor/syntax.ts';
import { Why } from './editor/why.ts';
import { EngineClient } from './engine/client.ts';
import type { EngineState } from './engine/protocol.ts';
import { defaultCacheDir } from './model/cache.ts';
import { Outbox } from './signals/outbox.ts';

/** How often time alone is looked at, for what waits for it. */
const TICK_MS = 500;

let running: { stop(): Promise<void> } | undefined;

export function activate(context: vscode.ExtensionContext): void {
  configureTexts({ contents: vscode.l10n.bundle ?? {} });
  const log = new Log(vscode.window.createOutputChannel('Knack', { log: true }));
  const windowId = randomUUID();
  const announcer = new Announcer(context.globalState, () => provider.askUnasked());
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
      texts: vscode.l10n.uri?.fsPath ?? null,
      trusted: vscode.workspace.isTrusted,
      settings: settings.engine,
    },
    outbox: new Outbox(),
    log: (level, message) => log.write(level, message),
    onState: (state) => engineStates.fire(state),
    onModelOffered: (model) => void offerModel(model, context.globalState),
  });
  const pages = new Pages();
  const panel = new Panel(context.extensionUri, client, () => settings);
  const why = new Why(client, pages, () => settings);
  const fates = new Fates({
    windowId,
    record: (events) => {
      why.note(events);
      if (events.some((e) => e.type === 'outcome' && e.kind === 'accepted')) setContext('knack.accepted', true);
      client.record(events);
      panel.refresh();
    },
    onOffered: (offered) => setContext('knack.offered', offered),
    onNextEdit: () => nextEdits.draw(),
  });
  const syntax = new Syntax(join(context.extensionPath, 'dist'));
  const nextEdits = new NextEdits({
    fates,
    paint: (lines, document) => syntax.paint(lines, document),
    followUp: () => provider.askUnasked(),
    log,
  });
  let told = 0;
  const recent = new RecentEdits(({ stretch, ...edit }) => {
    if (!settings.keepsEdits) return;
    const editId = `${windowId}/${stretch}`;
    client.record([{ type: 'written', eventId: `${editId}/${++told}`, editId, at: Date.now(), ...edit }]);
  });
  const git = gitProgram();
  const ignored = new GitIgnored(git === null ? async () => null : askGit(git, log.warn), () => {
    if (!settings.enabled) return;
    documents.review(recent);
    for (const { document } of vscode.window.visibleTextEditors) documents.follow(document, recent);
    showQuiet();
  });
  const documents = new Documents(settings, ignored);
  const bar = new StatusBar({
    enabled: settings.enabled,
    engine: client.state,
    thinking: 0,
    quiet: null,
    silent: null,
  });
  const calm = new Calm(() => settings, showSilence, timeOfDay);

  function showQuiet(): void {
    const document = settings.enabled ? vscode.window.activeTextEditor?.document : undefined;
    const quiet = (document && documents.quiet(document)?.reason) ?? null;
    bar.update({ quiet, silent: calm.silence(document ? keyOf(document) : null) });
  }
  function showSilence(): void {
    showQuiet();
    setContext('knack.snoozed', calm.snoozed);
  }

  const replay = new ReplayCommand({
    settings: () => settings,
    git,
    extensionPath: context.extensionPath,
    storageDir: context.globalStorageUri.fsPath,
    cacheDir: defaultCacheDir(),
    version: context.extension.packageJSON.version,
    log,
  });

  const alternatives = new Alternatives();
  const provider = new Provider({
    settings: () => settings,
    documents,
    calm,
    recent,
    fates,
    alternatives,
    engine: client,
    onHeld: (held) => bar.update({ held }),
    onThinking: (thinking) => bar.update({ thinking: bar.facts.thinking + (thinking ? 1 : -1) }),
    log,
  });

  /** All that looks at the editor: there only while Knack is switched on. */
  const attend = (): vscode.Disposable => {
    const ticker = setInterval(() => {
      if (fates.waits) fates.apply({ type: 'tick', at: Date.now() });
    }, TICK_MS);
    return vscode.Disposable.from(
      { dispose: () => clearInterval(ticker) },
      vscode.languages.registerInlineCompletionItemProvider(
        SCHEMES.map((scheme) => ({ scheme })),
        provider,
      ),
      listen({
        documents,
        recent,
        apply: (event) => fates.apply(event),
        keyPressed: (at) => calm.keyPressed(at),
        activity: (at) => client.activity(at),
        onDeleted: (document, line, text) => fates.refusals.deleted(document, line, text, Date.now()),
        onActiveDocument: showQuiet,
      }),
      nextEdits.listen(),
      askOnArrival(async () => {
        // One that is open is gone to, or left.
        if (fates.nextEdit === null) await provider.askUnasked();
      }),
      onIgnoreRules(() => {
        ignored.refresh();
        // What is open is asked for again at once.
        documents.review(recent);
        showQuiet();
      }),
    );
  };
  let attending = settings.enabled ? attend() : null;

  const configure = (): void => {
    ({ settings, problems } = readSettings());
    announcer.problems(problems);
    documents.configure(settings);
    documents.review(recent);
    client.configure(settings.engine, vscode.workspace.isTrusted, settings.nodePath);
    if (settings.enabled && !attending) {
      attending = attend();
      client.start();
    } else if (!settings.enabled && attending) {
      fates.apply({ type: 'closing', at: Date.now() });
      fates.forget();
      recent.leave();
      recent.clear();
      attending.dispose();
      attending = null;
      void client.stop();
    }
    bar.update({ enabled: settings.enabled });
    showQuiet();
  };

  context.subscriptions.push(
    log,
    bar,
    calm,
    pages,
    panel,
    nextEdits,
    syntax,
    engineStates,
    { dispose: () => attending?.dispose() },
    engineStates.event((state) => {
      bar.update({ engine: state });
      if (settings.enabled) announcer.onState(state);
      setContext('knack.ready', state.phase === 'ready');
      panel.refresh();
      markReady(state, log);
    }),
    replay,
    registerCommands(
      {
        client,
        fates,
        calm,
        nextEdits,
        alternatives,
        provider,
        log,
        forget: () => {
          fates.forget();
          recent.clear();
          why.forget();
          void replay.forget().catch(log.error);
        },
        onEngineState: engineStates.event,
      },
      {
        'knack.panel': () => panel.show(),
        'knack.why': () => why.show(),
        'knack.stored': () => showStored(client, pages),
        'knack.memory': () => showMemory(client, pages),
        'knack.goBack': (checkpoint?: unknown) => goBack(client, checkpoint),
        'knack.report': () => report(context.extension, client.state, log),
        'knack.replayRepository': () => replay.run(),
        'knack.chooseModel': () => chooseModel(client, log),
      },
    ),
    vscode.workspace.onDidChangeConfiguration((e) => e.affectsConfiguration('knack') && configure()),
    vscode.workspace.onDidGrantWorkspaceTrust(configure),
  );
  showQuiet();
  markReady(client.state, log);
  if (settings.enabled) client.start();

  running = {
    stop: async () => {
      fates.apply({ type: 'closing', at: Date.now() });
      recent.leave();
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
    // What is broken in one of them takes nothing away from the other.
    return given.length === 0 ? undefined : given.flatMap((value) => (Array.isArray(value) ? value : [value]));
  });
}

/** For `when` clauses and the walkthrough. */
function setContext(key: string, value: unknown): void {
  void vscode.commands.executeCommand('setContext', key, value);
}

function timeOfDay(at: number): string {
  return new Date(at).toLocaleTimeString(vscode.env.language, { hour: '2-digit', minute: '2-digit' });
}

/** For tests from outside: KNACK_READY_FILE names the file to write. */
function markReady(state: EngineState, log: Log): void {
  const path = process.env.KNACK_READY_FILE;
  if (!path) return;
  try {
    writeReadyMark(path, state);
  } catch (error) {
    log.error(error as Error);
  }
}
