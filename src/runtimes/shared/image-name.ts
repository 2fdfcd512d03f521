import { RuntimeError } from '../../core/container-runtime.ts';

/** Throws `image_not_found` for what no image can be called, so that it's never put in a URL. */
export function checkImageName(ref: string): void {
  if (/^[A-Za-z0-9][\w.\-/:@]*$/.test(ref) && !ref.includes('..') && !ref.includes('//')) return;
  throw new RuntimeError('image_not_found', `image ${JSON.stringify(ref)}: not an image's name`);
}
