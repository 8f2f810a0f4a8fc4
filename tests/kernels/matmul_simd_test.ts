import { input } from "../../kernels/expression.ts";
import { matmulKernel } from "../../kernels/matmul.ts";
import { sumOf } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const x = input(0);
const silu = x.mul(x.sigmoid());

for (const base of [false, true]) {
  simdTest(
    matmulKernel({ transposeB: true, bias: true, base, activation: silu }),
    [[1, 1, 1], [1, 37, 5], [7, 9, 3], [13, 261, 515]]
      .map(([m = 0, n = 0, k = 0]) => ({
        buffers: {
          a: m * k,
          b: n * k,
          bias: n,
          base: m * n,
          c: m * n,
          pre: m * n,
        },
        sizes: { batch: 1, m, n, k },
      })),
    sumOf(4 * 515),
  );
}
