/** A model's weights as one fp32 file that ONNX Runtime can map: written once for each base, used by every session. */
import { type DerivedEntry, type DerivedFile, ensureDerived } from './derived.ts';
import type { Model } from './source.ts';

export type WeightsEntry = DerivedEntry;
export type WeightsBlob = DerivedFile;

/** Changes whenever the layout or the arithmetic of the derived file does. */
const LAYOUT = 'f32-1';

/**
 * Returns the derived weights of a model, every tensor little-endian, writing them if they are not there or damaged.
 * `onProgress` runs from 0 to 1 while they are written. Holds one tensor's piece (32 MB) in memory at a time.
 *
 * Throws ModelError 'disk' if there is no room or the folder cannot be written, and what reading the model throws.
 */
export function prepareWeights(
  model: Model,
  cacheDir: string,
  onProgress?: (done: number) => void,
  signal?: AbortSignal,
): Promise<WeightsBlob> {
  const tensors = [...model.tensors].map(([name, { shape }]) => ({
    name,
    shape,
    bytes: 4 * shape.reduce((product, size) => product * size, 1),
  }));
  async function* contents() {
    for (const [name, tensor] of model.tensors) {
      for await (const { buffer, byteOffset, byteLength } of tensor.pieces())
        yield { name, piece: new Uint8Array(buffer, byteOffset, byteLength) };
    }
  }
  return ensureDerived({ layout: LAYOUT, source: model.sha256, tensors }, cacheDir, contents, onProgress, signal);
}
