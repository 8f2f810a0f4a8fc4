import { assertAlmostEquals, assertEquals } from "@std/assert";
import { toHuggingFace } from "../../blt/mod.ts";
import { AdamW, attendWithin, parameters } from "../../nn/mod.ts";
import {
  crossEntropy,
  type Device,
  entropy,
  noGrad,
  rotaryTable,
  Scope,
  Tensor,
  tokenNats,
} from "../../tensor/mod.ts";
import {
  TINY_ENTROPIES,
  TINY_GRADIENT_NORMS,
  TINY_LOSSES,
  TINY_NATS,
  TINY_ROWS,
  TINY_SUMS,
  TINY_TOTAL_GRADIENT_NORM,
} from "../reference/tiny.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { tinyBlt, tinyEntropyModel, tinyRows } from "../support/tiny.ts";

/** The precision that the published numbers ask of float32. */
const GOLDEN = { absolute: 2e-4, relative: 0 };

/** Ids 1 to 11 are targets; the last position has none. */
function targetsOf(device: Device): Tensor {
  const ids = tinyRows.ids;
  const targets = Uint32Array.from(ids, (_, p) => ids[p + 1] ?? 260);
  return Tensor.from(device, [ids.length], targets);
}

function norm(data: Float32Array): number {
  return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
}

deviceTest(
  "Blt.forward() gives the golden activations and losses",
  async (device) => {
    const { model, weights: _ } = tinyBlt(device);
    const batch = model.batch(device, tinyRows, model.tables(device, 12));
    const { config } = model;
    const encoder = model.encode(
      batch.inputs,
      attendWithin(batch.encoder, config.encoder.heads),
    );
    const slots = model.pool.forward(encoder, batch.patches);
    const latent = model.think(
      slots,
      attendWithin(batch.patches.sequence, config.latent.heads),
    );
    const logits = model.forward(batch);
    const found = {
      encoder: await encoder.data(),
      slots: await slots.data(),
      latent: await latent.data(),
      logits: await logits.data(),
    };
    const widths = { encoder: 16, slots: 16, latent: 32, logits: 260 };
    for (const { output, row, values } of TINY_ROWS) {
      const from = row * widths[output];
      const part = found[output].subarray(from, from + values.length);
      assertClose(part, values, GOLDEN, `${output} ${row}`);
    }
    const sum = (x: Float32Array): number => x.reduce((a, b) => a + b, 0);
    assertAlmostEquals(sum(found.encoder), TINY_SUMS.encoder, 2e-3);
    // Patches that only fill up must be 0, or the sum would differ.
    assertAlmostEquals(sum(found.slots), TINY_SUMS.slots, 2e-3);

    const nats = await tokenNats(logits, targetsOf(device)).data();
    assertClose(nats.subarray(0, 11), TINY_NATS, GOLDEN);
    assertEquals(nats[11], 0);
  },
);

deviceTest("Blt has the golden gradient norms", async (device) => {
  const { model, weights } = tinyBlt(device);
  const batch = model.batch(device, tinyRows, model.tables(device, 12));
  weights.backward(crossEntropy(model.forward(batch), targetsOf(device)));
  const gradients = await weights.arena.read("gradients");
  const found = toHuggingFace(
    new Map(
      [...parameters(model)].map(([name, { shape }]) => [
        name,
        { shape, data: gradients.get(name)! },
      ]),
    ),
    "blt",
  );
  for (const [name, expected] of Object.entries(TINY_GRADIENT_NORMS)) {
    const data = found.get(name)!.data;
    assertClose([norm(data)], [expected], {
      absolute: 1e-6,
      relative: 1e-3,
    }, name);
  }
  const all = Float32Array.from(
    [...found.values()].map(({ data }) => norm(data)),
  );
  assertAlmostEquals(norm(all), TINY_TOTAL_GRADIENT_NORM, 1e-3);
});

deviceTest("Blt has the golden losses of ten AdamW steps", async (device) => {
  const { model, weights } = tinyBlt(device);
  const batch = model.batch(device, tinyRows, model.tables(device, 12));
  const targets = targetsOf(device);
  using optimizer = new AdamW(weights, { weightDecay: 0.1 });
  for (const [step, expected] of TINY_LOSSES.entries()) {
    using _step = new Scope();
    const loss = crossEntropy(model.forward(batch), targets);
    const [found] = await loss.data();
    assertAlmostEquals(found!, expected, 5e-3, `loss before step ${step}`);
    weights.backward(loss);
    optimizer.step(0.01);
  }
});

deviceTest("ByteTransformer gives the golden entropies", async (device) => {
  const { model, weights: _ } = tinyEntropyModel(device);
  const table = rotaryTable(device, {
    positions: 12,
    headWidth: 8,
    theta: 10_000,
  });
  const batch = model.batch(device, tinyRows, table, { gradient: false });
  const found = await noGrad(() => entropy(model.forward(batch))).data();
  assertClose(found, TINY_ENTROPIES, GOLDEN);
});
