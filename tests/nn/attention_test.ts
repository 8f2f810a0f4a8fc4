import { assertEquals, assertThrows } from "@std/assert";
import {
  checkHeads,
  CrossAttention,
  placeWeights,
  SelfAttention,
} from "../../nn/mod.ts";
import { Intervals, Rng, slice, Tensor } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const rng = new Rng(0);
/** The identity of two axes. */
const ONE = [1, 0, 0, 1];

deviceTest(
  "SelfAttention packs queries, keys and values, in this order",
  async (device) => {
    const layer = new SelfAttention(2, { heads: 1, rng });
    const { arena } = placeWeights(layer, device);
    const packed = [...ONE, 2, 0, 0, 2, 3, 0, 0, 3];
    arena.write(
      "values",
      new Map([
        ["qkv.weight", Float32Array.from(packed)],
        ["out.weight", Float32Array.of(0, 10, 1, 0)],
      ]),
    );
    const x = Tensor.from(device, [1, 2], [5, 7]);
    const residual = Tensor.from(device, [1, 2], [0.5, 0.25]);
    let seen: Tensor | undefined;
    const y = layer.forward(x, (qkv) => {
      seen = qkv;
      return slice(qkv, [[0, 1], [4, 6]]);
    }, residual);
    assertEquals([...await seen!.data()], [5, 7, 10, 14, 15, 21]);
    assertEquals([...await y.data()], [210.5, 15.25]);
  },
);

for (const residual of [1, 2] as const) {
  deviceTest(
    `CrossAttention adds its queries ${residual} times`,
    async (device) => {
      const layer = new CrossAttention(2, { heads: 2, residual, rng });
      const { arena } = placeWeights(layer, device);
      arena.write(
        "values",
        new Map([
          ["queryNorm.gain", Float32Array.of(1, 1)],
          ["keyNorm.gain", Float32Array.of(1, 2)],
          ["query.weight", Float32Array.from(ONE)],
          // Equal keys, so that a query sees the mean of its values.
          ["keyValue.weight", Float32Array.of(0, 0, 0, 0, ...ONE)],
          ["out.weight", Float32Array.of(10, 0, 0, 10)],
        ]),
      );
      const x = Tensor.from(device, [2, 2], [3, 5, 7, 9]);
      const source = Tensor.from(device, [3, 2], [1, 1, 4, -4, -9, -9]);
      const ends = { lo: Uint32Array.of(0, 3), hi: Uint32Array.of(2, 3) };
      const intervals = Intervals.from(device, ends, 3);
      const y = layer.forward(x, layer.keysValues(source), intervals);
      // Normalized, the first two of the source are (1, 2) and (1, -2); the
      // second query sees nothing.
      const expected = [
        3 * residual + 10,
        5 * residual,
        7 * residual,
        9 * residual,
      ];
      const close = { absolute: 1e-4, relative: ELEMENTWISE.relative }; // eps of the norm
      assertClose(await y.data(), expected, close);
    },
  );
}

deviceTest(
  "CrossAttention multiplies what a query sees, not the query",
  async (device) => {
    const layer = new CrossAttention(2, { heads: 1, residual: 1, rng });
    placeWeights(layer, device);
    const x = Tensor.from(device, [2, 2], [3, 5, 7, 9]);
    const kv = layer.keysValues(Tensor.from(device, [1, 2], [1, -2]));
    const ends = { lo: Uint32Array.of(0, 0), hi: Uint32Array.of(1, 1) };
    const intervals = Intervals.from(device, ends, 1);
    const factors = Tensor.from(device, [2, 1], [-2, 1]);
    const plain = await layer.forward(x, kv, intervals).data();
    const found = await layer.forward(x, kv, intervals, factors).data();
    const [a = 0, b = 0] = plain;
    assertClose(
      found.subarray(0, 2),
      [3 - 2 * (a - 3), 5 - 2 * (b - 5)],
      { absolute: 1e-5, relative: 1e-5 },
    );
    assertEquals(found.subarray(2), plain.subarray(2));
  },
);

Deno.test("checkHeads() asks for heads that divide the width", () => {
  checkHeads(12, 4);
  for (const heads of [5, 0, 1.5]) {
    assertThrows(
      () => checkHeads(12, heads),
      RangeError,
      `Cannot build attention: heads must divide the width 12, got ${heads}`,
    );
  }
  assertThrows(() => new SelfAttention(6, { heads: 4, rng }), RangeError);
  assertThrows(
    () => new CrossAttention(6, { heads: 4, residual: 1, rng }),
    RangeError,
  );
});
