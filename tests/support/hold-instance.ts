import { acquireInstance } from '../../src/storage/workspace/instance-lock.ts';

// A program of its own, because it's there to be killed: takes the folder that it's given, says how that went, and stays.
try {
  const instance = await acquireInstance(process.argv[2] ?? '');
  process.stdout.write(`held ${instance.id}\n`);
} catch (error) {
  process.stdout.write(`refused ${error instanceof Error ? error.message : error}\n`);
}
setInterval(() => {}, 60_000);
