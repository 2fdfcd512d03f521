import { type ImageInfo, RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import { parseFields } from '../shared/fields.ts';
import { checkImageName } from '../shared/image-name.ts';

/** A short name finds the engine's own `localhost/…` image. */
export async function inspectImage(engine: Engine, ref: string): Promise<ImageInfo> {
  checkImageName(ref);
  try {
    const request = { what: `image ${ref}`, method: 'GET', path: `/images/${ref}/json` } as const;
    const id = parseFields(await engine.request(request), 'image').text('Id') ?? '';
    return { id: id.startsWith('sha256:') ? id : `sha256:${id}` };
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'not_found') {
      throw new RuntimeError('image_not_found', error.message, { cause: error });
    }
    throw error;
  }
}
