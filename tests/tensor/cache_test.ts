import { assertEquals, assertThrows } from "@std/assert";
import {
  attendCached,
  Rng,
  Scope,
  storeRows,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";

deviceTest("storeRows() replaces rows and no others", async (device) => {
  const target = Tensor.from(
    device,
    [4, 2],
    Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
  );
  const source = Tensor.from(
    device,
    [3, 4],
    Float32Array.from({ length: 12 }, (_, i) => 10 + i),
  );
  storeRows(target, source, { at: 1, from: 1, rows: 1, column: 2 });
  assertEquals([...await target.data()], [0, 1, 16, 17, 4, 5, 6, 7]);
  storeRows(target, source, { at: 2, from: 1, column: 1 });
  assertEquals([...await target.data()], [0, 1, 16, 17, 15, 16, 19, 20]);
});

Deno.test("storeRows() stays inside both tensors", () => {
  using _scope = new Scope();
  const [device] = devices;
  const target = Tensor.empty(device!, [4, 2]);
  const source = Tensor.empty(device!, [3, 4]);
  const outside = [
    { at: 2 },
    { at: 0, from: 1, rows: 3 },
    { at: 0, column: 3 },
    { at: 4, rows: 1 },
  ];
  for (const options of outside) {
    assertThrows(
      () => storeRows(target, source, options),
      RangeError,
      "expected rows and columns inside both",
    );
  }
});

/** Attention of one query and head in float64. */
function attend(
  q: Float32Array,
  keys: readonly Float32Array[],
  values: readonly Float32Array[],
): number[] {
  const scores = keys.map((key) =>
    key.reduce((sum, k, e) => sum + k * q[e]!, 0) / Math.sqrt(q.length)
  );
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  const mass = weights.reduce((a, b) => a + b, 0);
  return [...q.keys()].map((e) =>
    values.reduce((sum, value, j) => sum + weights[j]! * value[e]!, 0) / mass
  );
}

deviceTest("attendCached() sees the rows between its ends", async (device) => {
  const [heads, headWidth] = [2, 6];
  const dim = heads * headWidth;
  const rng = new Rng(1);
  const draw = (length: number): Float32Array =>
    Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
  const qkv = draw(3 * 3 * dim);
  const cache = draw(9 * 2 * dim);
  const ends = [[0, 1], [2, 9], [8, 9]];
  const found = await attendCached(
    Tensor.from(device, [3, 3 * dim], qkv),
    Tensor.from(device, [9, 2 * dim], cache),
    Tensor.from(device, [3, 2], Uint32Array.from(ends.flat())),
    { heads, longest: 7 },
  ).data();
  const expected = ends.flatMap(([lo = 0, hi = 0], row) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (numbers: Float32Array, at: number): Float32Array =>
        numbers.subarray(at + head * headWidth, at + (head + 1) * headWidth);
      const rows = Array.from(
        { length: hi - lo },
        (_, i) => 2 * dim * (lo + i),
      );
      return attend(
        part(qkv, 3 * dim * row),
        rows.map((at) => part(cache, at)),
        rows.map((at) => part(cache, at + dim)),
      );
    }).flat()
  );
  assertClose(found, expected, sumOf(7));
});
