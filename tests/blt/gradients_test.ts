import { fromHuggingFace, type HuggingFacePart } from "../../blt/mod.ts";
import type { Weights } from "../../nn/mod.ts";
import { crossEntropy, type Device, Tensor } from "../../tensor/mod.ts";
import type { Matrix } from "../reference/autodiff64.ts";
import { blt, bltShapes } from "../reference/blt.ts";
import {
  byteTransformer,
  byteTransformerShapes,
} from "../reference/byte_transformer.ts";
import {
  TINY_BLT,
  TINY_ENTROPY_MODEL,
  TINY_IDS,
  TINY_STARTS,
} from "../reference/tiny.ts";
import { mean, nats } from "../reference/transformer.ts";
import {
  lossAndGradients,
  type NamedShape,
  type Variables,
  weightsOf,
} from "../reference/weights.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { tinyBlt, tinyEntropyModel, tinyRows } from "../support/tiny.ts";

/** Roundings of f32 sums in ten layers; as much on either device. */
const TOLERANCE = { absolute: 1e-6, relative: 1e-5 };

/** What follows each id; nothing is asked of the last. */
const TARGETS = Uint32Array.from([...TINY_IDS.slice(1), 260]);

/** Compares every element of every gradient with the float64 reference. */
async function assertGradients(
  { arena }: Weights,
  shapes: readonly NamedShape[],
  logits: (weights: Variables) => Matrix,
  part: HuggingFacePart,
): Promise<void> {
  const { grads } = lossAndGradients(
    weightsOf(shapes),
    (weights) => mean(nats(logits(weights), TINY_IDS.slice(1))),
  );
  const theirs = new Map(
    shapes.map(([name, shape]) => [
      name,
      { shape, data: Float32Array.from(grads.get(name)!) },
    ]),
  );
  const own = new Map(
    [...arena.gradients].map(([name, { shape }]) => [name, shape]),
  );
  const expected = fromHuggingFace(theirs, own, part);
  for (const [name, found] of await arena.read("gradients")) {
    assertClose(found, expected.get(name)!, TOLERANCE, name);
  }
}

function targetsOn(device: Device): Tensor {
  return Tensor.from(device, [TARGETS.length], TARGETS);
}

deviceTest("Blt has every gradient of its reference", async (device) => {
  const { model, weights } = tinyBlt(device);
  const batch = model.batch(device, tinyRows, model.tables(device, 12));
  weights.backward(crossEntropy(model.forward(batch), targetsOn(device)));
  const sizes = TINY_BLT;
  await assertGradients(
    weights,
    bltShapes(sizes),
    (weights) => blt(TINY_IDS, TINY_STARTS, { weights, sizes }).logits,
    "blt",
  );
});

deviceTest(
  "ByteTransformer has every gradient of its reference",
  async (device) => {
    const { model, weights } = tinyEntropyModel(device);
    const batch = model.batch(device, tinyRows, model.tables(device, 12));
    weights.backward(crossEntropy(model.forward(batch), targetsOn(device)));
    const prefix = "model.patcher";
    const sizes = TINY_ENTROPY_MODEL;
    await assertGradients(
      weights,
      byteTransformerShapes(prefix, sizes),
      (weights) => byteTransformer(TINY_IDS, { weights, prefix, sizes }),
      "entropy model",
    );
  },
);
