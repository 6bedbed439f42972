/** llama.cpp through node-llama-cpp, to compare with: installed on demand into the user's cache folder, not a dependency. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { run } from '../process.ts';
import { UserError } from '../progress.ts';

const VERSION = '3.22.1';

/** What we use of it. Tokens are numbers. */
export interface LlamaModule {
  getLlama(options: Record<string, unknown>): Promise<Llama>;
}
export interface Llama {
  loadModel(options: Record<string, unknown>): Promise<LlamaModel>;
  dispose(): Promise<void>;
}
export interface LlamaModel {
  createContext(options: Record<string, unknown>): Promise<LlamaContext>;
  dispose(): Promise<void>;
}
export interface LlamaContext {
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}
export interface LlamaSequence {
  evaluate(tokens: readonly number[], options?: Record<string, unknown>): AsyncGenerator<number, void, unknown>;
  clearHistory(): Promise<void>;
}

/** Installs it unless it is there; its prebuilt binaries come as packages, nothing is built or downloaded besides. */
export async function loadLlama(detail: (line: string) => void): Promise<LlamaModule> {
  const dir = join(defaultCacheDir(), 'llama', `node-llama-cpp-${VERSION}`);
  const entry = join(dir, 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
  if (!existsSync(entry)) {
    const npm = process.env.KNACK_NPM;
    if (npm === undefined) throw new UserError('Run this through npm.');
    const temporary = `${dir}.${process.pid}.tmp`;
    mkdirSync(temporary, { recursive: true });
    writeFileSync(join(temporary, 'package.json'), '{ "private": true }\n');
    detail(`installing node-llama-cpp ${VERSION}`);
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
    const args = [npm, 'install', ...flags, `node-llama-cpp@${VERSION}`];
    const { status, output } = await run(process.execPath, args, { cwd: temporary });
    if (status !== 0) throw new UserError(`node-llama-cpp could not be installed:\n${output.slice(-2000)}`);
    rmSync(dir, { recursive: true, force: true });
    renameSync(temporary, dir);
  }
  return (await import(pathToFileURL(entry).href)) as unknown as LlamaModule;
}

/** On the CPU, without a build of its own. */
export const CPU = { gpu: false, build: 'never', logLevel: 'error', progressLogs: false, skipDownload: true } as const;
