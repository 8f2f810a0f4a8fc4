import {
  Batches,
  type BltConfig,
  BOS,
  buildModel,
  BYTE_OFFSET,
  bytesPreset,
  type ByteTransformerConfig,
  flopsPerByte,
  type ModelConfig,
  type Preset,
  Trainer,
} from "../../blt/mod.ts";
import { hiddenDimOf } from "../../nn/mod.ts";
import { type Device, Rng } from "../../tensor/mod.ts";

/** Mean bytes in a patch of the models here. */
export const PATCH_BYTES = 4;

/** Rows and ids per row of a batch. */
export const SHAPE = { rows: 8, context: 256 };

const TEXT = new URL("../../data/moby_dick.txt", import.meta.url);

/** The bundled book as ids. */
export const stream: Uint32Array = Uint32Array.from([
  BOS,
  ...Array.from(await Deno.readFile(TEXT), (byte) => byte + BYTE_OFFSET),
]);

/** A model in training on the book. */
export function trainerOf(
  config: ModelConfig,
  device: Device,
  shape: typeof SHAPE = SHAPE,
): Trainer {
  return new Trainer(buildModel(config, new Rng(1)), device, {
    batches: new Batches(stream, shape, new Rng(2)),
    shape,
    schedule: { kind: "constant", peak: 1e-3, warmupSteps: 0 },
  });
}

/**
 * Byte transformer that takes as many FLOPs per byte as `blt`, as near as the
 * numbers of layers and heads of the preset allow.
 */
export function equalBytes(
  preset: Preset,
  blt: BltConfig,
): ByteTransformerConfig {
  const lengths = { context: SHAPE.context, meanPatchBytes: PATCH_BYTES };
  const goal = flopsPerByte(blt, lengths);
  const { transformer } = bytesPreset(preset);
  const distance = (config: ModelConfig): number =>
    Math.abs(Math.log(flopsPerByte(config, lengths) / goal));
  const candidates = Array.from({ length: 16 }, (_, i) => {
    const dim = 32 * (i + 1);
    const heads = Math.max(1, Math.floor(dim / 64));
    return [1, 2, 3, 4, 5, 6].filter(() => dim % (2 * heads) === 0).map(
      (layers): ByteTransformerConfig => ({
        kind: "bytes",
        transformer: {
          ...transformer,
          layers,
          dim,
          heads,
          hiddenDim: hiddenDimOf(dim),
        },
      }),
    );
  }).flat();
  return candidates.toSorted((a, b) => distance(a) - distance(b))[0]!;
}
