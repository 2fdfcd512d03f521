import { type ImageInfo, RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from './connect.ts';
import { parseFields } from './fields.ts';

export interface InspectedImage extends ImageInfo {
  /** Paths that the image declares as volumes. */
  readonly volumes: readonly string[];
}

export async function inspectImage(engine: Engine, ref: string): Promise<InspectedImage> {
  if (!/^[A-Za-z0-9][\w.\-/:@]*$/.test(ref) || ref.includes('..') || ref.includes('//')) {
    throw new RuntimeError('image_not_found', `image ${JSON.stringify(ref)}: not an image's name`);
  }
  try {
    const image = parseFields(
      await engine.request({ what: `image ${ref}`, method: 'GET', path: `/images/${ref}/json` }),
      'image',
    );
    return { id: image.text('Id') ?? '', volumes: image.fields('Config').fields('Volumes').keys() };
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'not_found') {
      throw new RuntimeError('image_not_found', error.message, { cause: error });
    }
    throw error;
  }
}
