import type { ArtifactRow, Manifest } from '../jobs/job.ts';
import { inBatches } from './batches.ts';
import { artifactUrl, toFileRow, toHeading, type UrlOptions } from './execute-response.ts';

/**
 * The JSON of `toJobAnswer`, in pieces of some kilobytes: each is made, and its URLs are signed, when it's asked for.
 *
 * @param lead members that stand before the answer's own
 */
export async function* toAnswerJson(
  manifest: Manifest,
  urls: UrlOptions,
  lead: object = {},
): AsyncGenerator<string, void> {
  const { job, files, skipped, truncated } = manifest;
  const urlsOf = (kind: ArtifactRow['kind']): AsyncGenerator<string, void> =>
    joined(
      files.filter((row) => row.kind === kind),
      async ({ name }) => `${JSON.stringify(name)}:${JSON.stringify(await artifactUrl(job, name, urls))}`,
    );
  yield `${JSON.stringify({ ...lead, ...toHeading(job) }).slice(0, -1)},"artifacts":{"inputs":{`;
  yield* urlsOf('input');
  yield '},"outputs":{';
  yield* urlsOf('output');
  yield '}},"files":[';
  yield* joined(files, async (row) => JSON.stringify(await toFileRow(job, row, urls)));
  yield '],"skipped":[';
  yield* joined(skipped, async (row) => JSON.stringify(row));
  yield truncated ? '],"truncated":true}' : ']}';
}

async function* joined<T>(
  items: readonly T[],
  toJson: (item: T) => Promise<string>,
): AsyncGenerator<string, void> {
  let separator = '';
  for await (const batch of inBatches(items, toJson)) {
    yield separator + batch.join(',');
    separator = ',';
  }
}
