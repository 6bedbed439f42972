/** Where things lie in VS Code's global storage folder. */
import { join } from 'node:path';

export const databasePath = (storageDir: string): string => join(storageDir, 'knack.db');
export const checkpointsDir = (storageDir: string): string => join(storageDir, 'checkpoints');
export const checkpointDir = (storageDir: string, id: string): string => join(checkpointsDir(storageDir), id);
export const devicesPath = (storageDir: string): string => join(storageDir, 'devices.json');
