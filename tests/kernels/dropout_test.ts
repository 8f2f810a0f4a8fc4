import { assertAlmostEquals, assertEquals } from "@std/assert";
import { dropoutKernel } from "../../kernels/mod.ts";
import { ELEMENTWISE } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

formsTest(
  dropoutKernel,
  [1, 2, 7, 130_001].map((length) => ({
    buffers: { x: length, key: [3, 0xffffffff], out: length },
    sizes: { length, stream: 5, threshold: 2 ** 31, scale: 2 },
  })),
  ELEMENTWISE,
);

function masked(key: number[], stream: number, rate: number): Float64Array {
  const length = 100_000;
  const out = new Float64Array(length);
  dropoutKernel.define(
    { x: out.slice().fill(1), key: Uint32Array.from(key), out },
    { length, stream, threshold: rate * 2 ** 32, scale: 1 / (1 - rate) },
  );
  return out;
}

Deno.test("dropoutKernel drops the wanted share and keeps the mean", () => {
  for (const rate of [0.1, 0.5, 0.9]) {
    const out = masked([1, 2], 3, rate);
    const share = out.filter((x) => x === 0).length / out.length;
    assertAlmostEquals(share, rate, 0.006); // four standard deviations
    const mean = out.reduce((sum, x) => sum + x) / out.length;
    assertAlmostEquals(mean, 1, 4 * Math.sqrt(rate / (1 - rate) / 1e5));
  }
});

Deno.test("dropoutKernel differs with seed, step and stream", () => {
  const first = masked([1, 2], 3, 0.5);
  assertEquals(masked([1, 2], 3, 0.5), first);
  for (
    const other of [
      masked([0, 2], 3, 0.5),
      masked([1, 3], 3, 0.5),
      masked([1, 2], 4, 0.5),
    ]
  ) {
    const equal = other.filter((x, i) => x === first[i]).length;
    assertAlmostEquals(equal / first.length, 0.5, 0.007);
  }
});
