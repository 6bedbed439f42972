// Runs in the extension host before any other extension starts: activates Knack itself, if it is there, and says what
// that took; then, when it is asked to, what memory is used. KNACK_BENCH_DIR names the folder for what it says.
const { existsSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const v8 = require('node:v8');
const vm = require('node:vm');
const vscode = require('vscode');

const dir = process.env.KNACK_BENCH_DIR;

exports.activate = async () => {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  const memory = () => {
    for (let i = 0; i < 3; i++) gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heap: heapUsed + external };
  };
  await sleep(3_000); // the window's own start
  const before = memory();
  const knack = vscode.extensions.getExtension('knack.knack');
  const began = performance.now();
  const busy = process.cpuUsage();
  await knack?.activate();
  const activationMs = performance.now() - began;
  const { user, system } = process.cpuUsage(busy);
  say('activated', { activationMs, processorMs: (user + system) / 1_000, before });
  void (async () => {
    while (!existsSync(join(dir, 'measure'))) await sleep(100);
    say('measured', { before, after: memory() });
  })();
};

function say(name, value) {
  writeFileSync(join(dir, `${name}.part`), JSON.stringify(value));
  renameSync(join(dir, `${name}.part`), join(dir, name));
}
