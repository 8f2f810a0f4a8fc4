import { matmulKernel } from "../../kernels/mod.ts";
import { benchKernel, numbers } from "../support.ts";

const none = new Float32Array();
for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    for (
      const [m, n, k, launches] of [
        [64, 64, 64, 100],
        [256, 256, 256, 10],
        [2048, 256, 256, 1],
      ] as const
    ) {
      benchKernel({
        kernel: matmulKernel({ transposeA, transposeB }),
        sizes: { batch: 1, m, n, k },
        buffers: {
          a: numbers(m * k),
          b: numbers(k * n),
          c: new Float32Array(m * n),
          bias: none,
          base: none,
          pre: none,
        },
        launches,
      });
    }
  }
}
