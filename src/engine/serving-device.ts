/**
 * Where suggestions are made: on the CPU, until a device has been found that says the same and is faster, and again once
 * that one fails. Tests take a minute of the machine, so they wait until nobody types.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../model/alive.ts';
import { DEVICE_NAMES, DEVICES, type Device, type DeviceError, type DeviceSetting } from './device.ts';
import type { Choice, Devices } from './devices.ts';
import type { Server } from './serve.ts';
import { servingPath } from './storage.ts';

export interface ServingDeviceOptions {
  readonly devices: Pick<Devices, 'choose' | 'isTested' | 'distrust' | 'forget' | 'dispose'>;
  readonly server: Pick<Server, 'moveTo' | 'onDeviceFailed'>;
  readonly storageDir: string;
  readonly setting: () => DeviceSetting;
  readonly log: (level: 'info' | 'warn', message: string) => void;
  /** Told what the user had not asked for. */
  readonly notice: (message: string) => void;
  readonly onState: () => void;
}

/** A class because a choice lives in it. */
export class ServingDevice {
  readonly #options: ServingDeviceOptions;
  #where = '';
  /** The setting that the choice is of. */
  #chosen: DeviceSetting | null = null;
  #choosing = false;

  constructor(options: ServingDeviceOptions) {
    this.#options = options;
    options.server.onDeviceFailed = (error) => void this.#failed(error);
  }

  /** Where and why not elsewhere, for people; empty as long as nothing has been chosen. */
  get where(): string {
    return this.#where;
  }

  /** Chooses, and moves there, if that has not been done for the setting. Never throws. @param mayTest nobody types */
  async settle(mayTest: boolean): Promise<void> {
    const { devices, setting, log } = this.#options;
    const wanted = setting();
    if (this.#choosing || this.#chosen === wanted) return;
    this.#choosing = true;
    try {
      await this.#lookBack();
      if (!mayTest && !(await devices.isTested(wanted))) return;
      const choice = await devices.choose(wanted);
      this.#chosen = wanted;
      await this.#move(choice);
    } catch (error) {
      log('warn', `The device that serves could not be chosen: ${(error as Error).message}`);
    } finally {
      this.#choosing = false;
    }
  }

  /** Tests again, and says what was found. */
  async again(): Promise<string> {
    await this.#options.devices.forget();
    this.#chosen = null;
    await this.settle(true);
    return this.#where;
  }

  dispose(): void {
    this.#options.devices.dispose();
    this.#unmark();
  }

  async #move(choice: Choice): Promise<void> {
    const { server, devices } = this.#options;
    if (choice.device !== 'cpu') this.#mark(choice.device);
    try {
      await server.moveTo(choice.device);
      if (choice.device === 'cpu') this.#unmark();
      this.#tell(choice);
    } catch (error) {
      this.#unmark();
      const reason = (error as Error).message;
      await devices.distrust(choice.device, reason);
      this.#tell({ device: 'cpu', reason, unexpected: true });
    }
  }

  /** The CPU serves by now. */
  async #failed(error: DeviceError): Promise<void> {
    this.#unmark();
    this.#tell({ device: 'cpu', reason: error.message, unexpected: true });
    await this.#options.devices.distrust(error.device, error.message).catch((kept: Error) => {
      this.#options.log('warn', `${DEVICE_NAMES[error.device]}’s failure was not kept: ${kept.message}`);
    });
  }

  #tell(choice: Choice): void {
    const { log, notice, onState } = this.#options;
    const because = choice.reason === '' ? '' : `: ${choice.reason.replace(/\.$/, '')}`;
    this.#where = `Suggestions are made on ${DEVICE_NAMES[choice.device]}${because}.`;
    log('info', this.#where);
    if (choice.unexpected) notice(this.#where);
    onState();
  }

  /** A driver that ends the engine would end the next one, too: what a process serves on is known while it does. */
  #mark(device: Device): void {
    writeFileSync(servingPath(this.#options.storageDir, process.pid), JSON.stringify({ device, booted: booted() }));
  }

  #unmark(): void {
    rmSync(servingPath(this.#options.storageDir, process.pid), { force: true });
  }

  /** Distrusts devices on which a process ended that had not said so; where the whole machine ended, nobody is to blame. */
  async #lookBack(): Promise<void> {
    const { storageDir, devices } = this.#options;
    for (const name of readdirSync(storageDir)) {
      const pid = Number(/^serving-(\d+)\.json$/.exec(name)?.[1] ?? Number.NaN);
      if (Number.isNaN(pid) || pid === process.pid || isAlive(pid)) continue;
      const path = join(storageDir, name);
      const left = parse(readFileSync(path, 'utf8'));
      rmSync(path, { force: true });
      if (left === null || Math.abs(left.booted - booted()) > SAME_BOOT_S) continue;
      await devices.distrust(
        left.device,
        `The engine ended unexpectedly while it served on ${DEVICE_NAMES[left.device]}.`,
      );
    }
  }
}

/** When the machine was started, in seconds; the clock may have been set since. */
const booted = (): number => Date.now() / 1000 - uptime();
const SAME_BOOT_S = 60;

function parse(text: string): { readonly device: Device; readonly booted: number } | null {
  try {
    const { device, booted } = JSON.parse(text) as { readonly device: Device; readonly booted: number };
    return DEVICES.includes(device) && typeof booted === 'number' ? { device, booted } : null;
  } catch {
    return null;
  }
}
