/** What is said of a model that could be chosen: a pure function of what is known of it. */
import { t } from '@vscode/l10n';
import type { ModelEntry } from '../engine/protocol.ts';

export interface ModelText {
  readonly label: string;
  /** Size and licence. */
  readonly description: string;
  /** Where it lies, memory and speed, or why it cannot be used. */
  readonly detail: string;
}

/** @param machineBytes memory of the machine */
export function modelText(model: ModelEntry, machineBytes: number): ModelText {
  const { title, path, keeper, parameters, quantisation, licence, bytes, memoryBytes, speed, serves, refusal } = model;
  const icon = serves ? 'check' : refusal !== null ? 'circle-slash' : path === null ? 'cloud-download' : 'file-binary';
  const facts = [
    parameters === null ? null : t('{0} parameters', size(parameters)),
    quantisation,
    bytes === null ? null : fileSize(bytes),
    licence ?? t('licence unknown'),
  ];
  const details = [keeper, serves ? t('in use') : null, ...use(memoryBytes, speed, machineBytes)];
  return {
    label: `$(${icon}) ${title}`,
    description: join(facts),
    detail: refusal === null ? join(details) : join([keeper, t('cannot be used: {0}', refusal)]),
  };
}

function use(memoryBytes: number | null, speed: ModelEntry['speed'], machineBytes: number): (string | null)[] {
  const memory = memoryBytes === null ? null : fileSize(memoryBytes);
  const ms =
    speed === null ? null : Math.round(speed.p50Ms / (speed.p50Ms < 100 ? 1 : 10)) * (speed.p50Ms < 100 ? 1 : 10);
  return [
    memory === null
      ? null
      : tooLarge(memoryBytes, machineBytes)
        ? t('needs {0} of memory, more than this machine has', memory)
        : t('needs {0} of memory', memory),
    speed === null
      ? t('speed not measured yet')
      : speed.isMeasured
        ? t('{0} ms a suggestion, measured here', ms!)
        : t('about {0} ms a suggestion here', ms!),
  ];
}

export function tooLarge(memoryBytes: number | null, machineBytes: number): boolean {
  return memoryBytes !== null && memoryBytes > machineBytes;
}

/** 134 M, 1.5 B. */
export function size(parameters: number): string {
  return parameters < 1e9 ? `${Math.round(parameters / 1e6)} M` : `${(parameters / 1e9).toFixed(1)} B`;
}

export function fileSize(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function join(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== '').join(' · ');
}
