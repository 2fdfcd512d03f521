import type { Finding } from '../core/finding.ts';
import { checkFree } from './check-storage.ts';
import { type ExamineOptions, examine } from './examine.ts';

/** How long what failed is told again before it's measured anew, in ms. */
const RETRY_MS = 60_000;

interface Examined {
  readonly key: string;
  readonly at: number;
  readonly findings: readonly Finding[];
}

/** A running service's rows. */
export interface Examination {
  /** Never rejects. Callers at the same time share one examination. */
  findings(): Promise<readonly Finding[]>;
  /** Begins nothing more; resolves when no container of an examination is left. */
  close(): Promise<void>;
}

/**
 * Measures at the first call, and again only when engine or image have changed, or something failed a minute ago or earlier.
 * Free space is looked at each time.
 */
export function createExamination(options: Omit<ExamineOptions, 'signal'>): Examination {
  let last: Examined | undefined;
  let running: Promise<Examined> | undefined;
  const closing = new AbortController();
  const { runtime, image, workspaces } = options;

  const toKey = async (): Promise<string> => {
    try {
      const [info, found] = await Promise.all([runtime.info(), runtime.ensureImage(image)]);
      return JSON.stringify([info, found.id]);
    } catch {
      return 'unavailable';
    }
  };
  const isFresh = ({ key, at, findings }: Examined, now: string): boolean =>
    key === now && (performance.now() - at < RETRY_MS || findings.every(({ status }) => status !== 'fail'));

  return {
    async findings() {
      const key = await toKey();
      if (last === undefined || !isFresh(last, key)) {
        running ??= examine({ ...options, signal: closing.signal })
          .then((findings) => ({ key, at: performance.now(), findings }))
          .finally(() => {
            running = undefined;
          });
        last = await running;
      }
      const free = await checkFree(workspaces).catch(() => undefined);
      return last.findings.map((row) => (row.name === free?.name ? free : row));
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
