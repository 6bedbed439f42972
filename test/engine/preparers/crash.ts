/** Ends as a process does that took more memory than there is. */
process.once('message', () => process.kill(process.pid, 'SIGKILL'));
