/** Where things lie in VS Code's global storage folder. */
import { join } from 'node:path';

export const databasePath = (storageDir: string): string => join(storageDir, 'knack.db');
export const checkpointsDir = (storageDir: string): string => join(storageDir, 'checkpoints');
export const checkpointDir = (storageDir: string, id: string): string => join(checkpointsDir(storageDir), id);
/** Results of tests of devices, for training or for serving. */
export const devicesPath = (storageDir: string, purpose: 'training' | 'serving'): string =>
  join(storageDir, purpose === 'training' ? 'devices.json' : 'serving-devices.json');
/** Says that a process serves on a device, while it does. */
export const servingPath = (storageDir: string, pid: number): string => join(storageDir, `serving-${pid}.json`);
