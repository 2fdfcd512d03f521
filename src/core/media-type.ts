import { Mime } from 'mime';
import other from 'mime/types/other.js';
import standard from 'mime/types/standard.js';

/** Endings of source code and data that the registry of media types doesn't know, or takes for a video. */
const SOURCE_TYPES = {
  'text/x-python': ['py'],
  'text/x-typescript': ['ts', 'tsx', 'mts', 'cts'],
  'text/x-shellscript': ['sh'],
  'text/plain': ['log'],
  'application/x-ipynb+json': ['ipynb'],
  'application/vnd.apache.parquet': ['parquet'],
};

const mime = new Mime(standard, other).define(SOURCE_TYPES, true);

const TEXT = 'text/plain; charset=utf-8';
const UNKNOWN = 'application/octet-stream';

/** The media type that a file's name tells; the captured streams are text. With a charset where the type is text. */
export function mediaTypeOf(name: string): string {
  if (name === 'stdout' || name === 'stderr') return TEXT;
  const type = mime.getType(name) ?? UNKNOWN;
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}
