import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completePackages, findMissingEntries } from './lib/lock-file.js';
import { ROOT } from './lib/project.js';
import { say } from './lib/say.js';

const path = join(ROOT, 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const missing = findMissingEntries(lock.packages);
if (missing.length > 0) {
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: completePackages(lock.packages) }, null, 2)}\n`);
}
say(`package-lock.json: ${missing.length} packages for other platforms added`);
