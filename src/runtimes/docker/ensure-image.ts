import { type ImageInfo, RuntimeError } from '../../core/container-runtime.ts';
import type { Engine } from '../shared/engine.ts';
import { parseFields } from '../shared/fields.ts';
import { checkImageName } from '../shared/image-name.ts';

export interface InspectedImage extends ImageInfo {
  /** Paths that the image declares as volumes. */
  readonly volumes: readonly string[];
}

export async function inspectImage(engine: Engine, ref: string): Promise<InspectedImage> {
  checkImageName(ref);
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
