import { assertAlmostEquals, assertEquals } from "@std/assert";
import { Embedding, placeWeights } from "../../nn/mod.ts";
import { GatherIndex, Rng, sum, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest(
  "Embedding sums rows, and counts them in its gradient",
  async (device) => {
    const layer = new Embedding(3, 2, { rng: new Rng(0) });
    const weights = placeWeights(layer, device);
    const table = Float32Array.of(1, 2, 10, 20, 100, 200);
    weights.arena.write("values", new Map([["table", table]]));
    const ids = Uint32Array.of(0, 2, 2, 2);
    const index = GatherIndex.from(device, ids, { rows: 3, perRow: 2 });
    const base = Tensor.from(device, [2, 2], [0.5, 0, 0, 0.25]);
    const y = layer.forward(index, base);
    assertEquals([...await layer.forward(index).data()], [101, 202, 200, 400]);
    assertEquals([...await y.data()], [101.5, 202, 200, 400.25]);
    weights.backward(sum(y));
    const found = (await weights.arena.read("gradients")).get("table")!;
    assertEquals([...found], [1, 1, 0, 0, 3, 3]);
  },
);

Deno.test("Embedding starts at 1/√dim, or as told", () => {
  const deviation = (sigma?: number): number => {
    const options = { rng: new Rng(1), ...(sigma ? { sigma } : {}) };
    const { initial } = new Embedding(200, 100, options).table;
    return Math.sqrt(initial.reduce((s, x) => s + x * x, 0) / initial.length);
  };
  assertAlmostEquals(deviation(), 0.9866 / 10, 0.002);
  assertAlmostEquals(deviation(2), 0.9866 * 2, 0.04);
});
