/** Whether a process runs on this machine; one of another user does. (signals/store.ts has its own: it imports nothing from here.) */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
