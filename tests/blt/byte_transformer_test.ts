import { assertEquals, assertThrows } from "@std/assert";
import { ByteTransformer } from "../../blt/mod.ts";
import { attendWithin, parameters, placeWeights } from "../../nn/mod.ts";
import { noGrad, Rng } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { bytesConfig } from "./subject.ts";

const ROWS = { ids: Uint32Array.of(1, 101, 102, 1, 101), lengths: [3, 2] };

deviceTest("ByteTransformer gives logits for every id", async (device) => {
  const model = new ByteTransformer(bytesConfig, new Rng(3));
  placeWeights(model, device);
  const batch = model.batch(device, ROWS, model.tables(device, 3));
  const logits = model.forward(batch);
  assertEquals(logits.shape, [5, 260]);
  const attend = attendWithin(batch.bytes, bytesConfig.transformer.heads);
  const same = model.logits(batch.inputs, attend);
  assertEquals(await same.data(), await logits.data());
});

deviceTest("ByteTransformer skips what only gradients need", (device) => {
  const model = new ByteTransformer(bytesConfig, new Rng(3));
  const weights = placeWeights(model, device);
  const tables = model.tables(device, 3);
  const { inputs } = model.batch(device, ROWS, tables, { gradient: false });
  assertEquals([inputs.tokens.inverse, inputs.ngrams?.inverse], [
    undefined,
    undefined,
  ]);
  const logits = noGrad(() => model.forward(model.batch(device, ROWS, tables)));
  assertEquals(logits.node, undefined);
  assertThrows(() => weights.backward(logits), TypeError, "backward");
});

Deno.test("ByteTransformer has the same weights from the same seed", () => {
  const draw = (seed: number): Float32Array[] => {
    const model = new ByteTransformer(bytesConfig, new Rng(seed));
    return [...parameters(model).values()].map(({ initial }) => initial);
  };
  assertEquals(draw(1), draw(1));
  assertEquals(draw(1)[0]!.some((x, i) => x !== draw(2)[0]![i]), true);
});
