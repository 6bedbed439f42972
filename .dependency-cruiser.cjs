/** Import boundaries: docs/architecture.md says why. `npm run check` also asserts that modules were read at all. */
const only = (name, from, to) => ({ name, severity: 'error', from, to });
module.exports = {
  forbidden: [
    only('no-circular', {}, { circular: true }),
    only('vscode-only-in-editor', { path: '^src/', pathNot: '^src/(editor/|extension\\.ts$)' }, { path: '^vscode$' }),
    only('onnx-only-in-runtime', { path: '^src/', pathNot: '^src/engine/runtime\\.ts$' }, { path: 'onnxruntime' }),
    only('sqlite-only-in-store', { path: '^src/', pathNot: '^src/signals/(store|migrations)' }, { path: 'better-sqlite3' }),
    only('graph-imports-nothing', { path: '^src/graph/' }, { path: '^src/', pathNot: '^src/graph/' }),
    only('model-imports-graph', { path: '^src/model/' }, { path: '^src/', pathNot: '^src/(model|graph)/' }),
    only('trainer-imports', { path: '^src/trainer/' }, { path: '^src/', pathNot: '^src/(trainer|graph|model|prompt|signals|completion)/' }),
    only('signals-imports', { path: '^src/signals/' }, { path: '^src/', pathNot: '^src/(signals|completion)/' }),
    only('memory-imports', { path: '^src/memory/' }, { path: '^src/', pathNot: '^src/(memory|prompt|completion|model)/' }),
    only('prompt-imports', { path: '^src/prompt/' }, { path: '^src/', pathNot: '^src/(prompt|completion|model)/' }),
    only('completion-imports', { path: '^src/completion/' }, { path: '^src/', pathNot: '^src/completion/' }),
    only('gate-imports', { path: '^src/gate/' }, { path: '^src/', pathNot: '^src/(gate|completion)/' }),
    only('panel-imports', { path: '^src/panel/' }, { path: '^src/', pathNot: '^src/(panel/|engine/protocol\\.ts$|signals/(view|signal)\\.ts$)' }),
    // It runs in a browser and is a bundle of its own.
    only('nothing-imports-webview', { path: '^src/', pathNot: '^src/panel/webview/' }, { path: '^src/panel/webview/|chart\\.js' }),
    only('engine-knows-no-editor', { path: '^src/engine/' }, { path: '^src/(editor/|extension\\.ts)' }),
    only('host-loads-no-native', { path: '^src/(editor/|extension\\.ts$)' }, { path: 'onnxruntime|better-sqlite3', reachable: true }),
    only('replay-imports', { path: '^src/replay/' }, { path: '^src/', pathNot: '^src/(replay|completion|gate|memory|model|trainer)/|^src/signals/(?!store|migrations)|^src/engine/(serve|base|quantised-base|checkpoint|learning|fork)\\.ts$' }),
    // The editor starts its process and hears of it, no more.
    only('only-editor-starts-replay', { path: '^src/editor/' }, { path: '^src/replay/', pathNot: '^src/replay/(start|message)\\.ts$' }),
    only('nothing-imports-replay', { path: '^src/', pathNot: '^src/(replay|editor)/' }, { path: '^src/replay/' }),
    only('src-knows-no-test', { path: '^src/' }, { path: '^(test|scripts)/' }),
    only('not-to-dev-dep', { path: '^src/' }, { couldNotResolve: true, pathNot: '^vscode$' }),
  ],
  options: {
    parser: 'swc',
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['node', 'import', 'require', 'default'] },
    exclude: { path: '^(dist|test/sample)/' },
  },
};
