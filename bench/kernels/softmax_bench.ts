import { softmaxGradKernel, softmaxKernel } from "../../kernels/mod.ts";
import { benchKernel, numbers } from "../support.ts";

const [rows, cols] = [2048, 256];
const x = numbers(rows * cols);

benchKernel({
  kernel: softmaxKernel,
  sizes: { rows, cols },
  buffers: { x, out: new Float32Array(rows * cols) },
});
benchKernel({
  kernel: softmaxGradKernel,
  sizes: { rows, cols },
  buffers: {
    y: x,
    g: numbers(rows * cols),
    dx: new Float32Array(rows * cols),
  },
});
