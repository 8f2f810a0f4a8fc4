import { adamwKernel, sgdKernel, squareSumsKernel } from "../../kernels/mod.ts";
import { ELEMENTWISE, sumOf } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

/** Buffers of `count` blocks of parameters that decay in turns. */
function parameters(count: number): Record<"g" | "x" | "m", number> & {
  readonly blocks: readonly number[];
} {
  const length = 64 * count;
  const blocks = Array.from(
    { length: 2 * count },
    (_, i) => i % 2 === 0 ? i / 2 % 2 : 1 + i,
  );
  return { g: length, x: length, m: length, blocks };
}

for (const scale of [0, 0.5]) {
  simdTest(
    adamwKernel,
    [1, 3].map((count) => ({
      buffers: {
        ...parameters(count),
        v: Array.from({ length: 64 * count }, (_, i) => i % 5),
        settings: [0.01, 0.1, 0.05, 1e-8, 0.1, 0.2, 0.3],
        scale: [scale],
      },
      sizes: { length: 64 * count },
    })),
    ELEMENTWISE,
  );
  simdTest(
    sgdKernel,
    [1, 3].map((count) => ({
      buffers: {
        ...parameters(count),
        settings: [0.01, 0.9, 0.1],
        scale: [scale],
      },
      sizes: { length: 64 * count },
    })),
    ELEMENTWISE,
  );
}

simdTest(
  squareSumsKernel,
  [[1, 1], [5, 5], [7, 3], [1000, 300], [1031, 257]]
    .map(([groups = 0, count = 0]) => ({
      buffers: { g: 4 * groups, sums: count + 2, scaled: count + 2 },
      sizes: { length: 4 * groups, count, start: 2 },
    })),
  sumOf(400),
);

simdTest(
  squareSumsKernel,
  [[0], [1e-30, 1], [2e20, 1e-20, 0], [1e30, 3.4e38, 1e-38, 1e-18, 1]].map(
    (numbers) => ({
      buffers: {
        g: numbers.flatMap((x) => [x, -x, x, 0]),
        sums: numbers.length,
        scaled: numbers.length,
      },
      sizes: { length: 4 * numbers.length, count: numbers.length, start: 0 },
    }),
  ),
  { absolute: 1e-37, relative: 1e-5 },
);
