import { assertEquals, assertThrows } from "@std/assert";
import {
  attendWithin,
  KvCache,
  placeWeights,
  Transformer,
} from "../../nn/mod.ts";
import {
  causal,
  Intervals,
  noGrad,
  Rng,
  rotaryTable,
  Scope,
  slice,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose, MODEL } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";

const CONFIG = {
  layers: 2,
  dim: 16,
  heads: 2,
  hiddenDim: 24,
  window: 5,
  ropeTheta: 100,
};
const ROWS = 40;

/** Ways to cut the rows: one by one, as many as fit, ragged. */
const PIECES: Readonly<Record<string, readonly number[]>> = {
  "one by one": Array(ROWS).fill(1),
  "a window at once": Array(ROWS / 5).fill(5),
  "in ragged pieces": [5, 1, 4, 2, 5, 5, 3, 1, 1, 5, 2, 4, 2],
};

for (const [name, pieces] of Object.entries(PIECES)) {
  deviceTest(
    `KvCache equals attention to all rows, ${name}`,
    async (device) => {
      const rng = new Rng(1);
      const transformer = new Transformer(CONFIG, rng);
      placeWeights(transformer, device);
      const numbers = Float32Array.from(
        { length: ROWS * CONFIG.dim },
        () => 2 * rng.uniform() - 1,
      );
      const x = Tensor.from(device, [ROWS, CONFIG.dim], numbers);
      const whole = attendWithin({
        positions: Tensor.from(
          device,
          [ROWS],
          Uint32Array.from({ length: ROWS }, (_, i) => i),
        ),
        intervals: Intervals.from(device, causal([ROWS], CONFIG.window), ROWS),
        table: rotaryTable(device, {
          positions: ROWS,
          headWidth: CONFIG.dim / CONFIG.heads,
          theta: CONFIG.ropeTheta,
        }),
      }, CONFIG.heads);
      const expected = await noGrad(() => transformer.forward(x, whole)).data();

      const cache = new KvCache(device, CONFIG);
      const found: number[] = [];
      for (const count of pieces) {
        using _piece = new Scope();
        const at = found.length / CONFIG.dim;
        const rows = slice(x, [[at, at + count], [0, CONFIG.dim]]);
        const attend = cache.extend(count);
        found.push(
          ...await noGrad(() => transformer.forward(rows, attend)).data(),
        );
      }
      assertClose(found, expected, MODEL);
    },
  );
}

deviceTest("KvCache takes no more memory for later rows", (device) => {
  const cache = new KvCache(device, CONFIG);
  const { liveBytes } = device.memory;
  for (let i = 0; i < 30; i++) {
    using _piece = new Scope();
    cache.extend(1);
  }
  assertEquals(device.memory.liveBytes, liveBytes);
});

Deno.test("KvCache takes at most a window of rows at once", () => {
  using _scope = new Scope();
  const cache = new KvCache(devices[0]!, CONFIG);
  assertEquals(cache.most, 5);
  assertThrows(
    () => cache.extend(6),
    RangeError,
    "Cannot add 6 rows to a cache at once: expected at most 5",
  );
});
