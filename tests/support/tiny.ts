import {
  Blt,
  type BltConfig,
  ByteTransformer,
  type ByteTransformerConfig,
  fromHuggingFace,
  type HostWeights,
  type HuggingFacePart,
  type PatchedRows,
} from "../../blt/mod.ts";
import { parameters, placeWeights, type Weights } from "../../nn/mod.ts";
import type { Device } from "../../tensor/mod.ts";
import { bltShapes } from "../reference/blt.ts";
import { byteTransformerShapes } from "../reference/byte_transformer.ts";
import {
  TINY_BLT,
  TINY_ENTROPY_MODEL,
  TINY_IDS,
  TINY_STARTS,
} from "../reference/tiny.ts";
import type { TransformerSizes } from "../reference/transformer.ts";
import { type NamedShape, weightsOf } from "../reference/weights.ts";

function transformerOf(
  { hidden, theta, ...sizes }: TransformerSizes,
): ByteTransformerConfig["transformer"] {
  return { ...sizes, hiddenDim: hidden, ropeTheta: theta };
}

/** Config of the tiny BLT of the golden values. */
export const tinyConfig: BltConfig = {
  kind: "blt",
  patcher: { kind: "byte" },
  ngrams: {
    sizes: TINY_BLT.ngramSizes,
    functions: 1,
    rows: TINY_BLT.tableRows,
  },
  encoder: transformerOf(TINY_BLT.encoder),
  latent: { ...transformerOf(TINY_BLT.latent) },
  decoder: transformerOf(TINY_BLT.decoder),
  slots: TINY_BLT.slots,
  residual: 2,
};

/** The row of the golden values, cut into its patches. */
export const tinyRows: PatchedRows = {
  ids: Uint32Array.from(TINY_IDS),
  lengths: [TINY_IDS.length],
  starts: [
    Uint8Array.from(
      { length: TINY_IDS.length + 1 },
      (_, p) => Number(TINY_STARTS.includes(p)),
    ),
  ],
};

/** Weights by the rule of the golden values, under Hugging Face's names. */
export function goldenWeights(shapes: readonly NamedShape[]): HostWeights {
  return new Map(
    [...weightsOf(shapes)].map(([name, { shape, data }]) => [
      name,
      { shape, data: Float32Array.from(data) },
    ]),
  );
}

function load(
  model: object,
  device: Device,
  shapes: readonly NamedShape[],
  part: HuggingFacePart,
): Weights {
  const own = new Map(
    [...parameters(model)].map(([name, { shape }]) => [name, shape]),
  );
  const weights = placeWeights(model, device);
  const values = fromHuggingFace(goldenWeights(shapes), own, part);
  weights.arena.write("values", values);
  return weights;
}

/** The tiny BLT with its golden weights on `device`. */
export function tinyBlt(device: Device): { model: Blt; weights: Weights } {
  const model = new Blt(tinyConfig);
  return { model, weights: load(model, device, bltShapes(TINY_BLT), "blt") };
}

/** Its entropy model. */
export function tinyEntropyModel(
  device: Device,
): { model: ByteTransformer; weights: Weights } {
  const model = new ByteTransformer({
    kind: "bytes",
    transformer: transformerOf(TINY_ENTROPY_MODEL),
  });
  const shapes = byteTransformerShapes("model.patcher", TINY_ENTROPY_MODEL);
  return { model, weights: load(model, device, shapes, "entropy model") };
}
