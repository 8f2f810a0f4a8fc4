import {
  normGradBlock,
  rmsNormGradKernel,
  rmsNormKernel,
} from "../../kernels/mod.ts";
import { benchKernel, numbers } from "../support.ts";

const [rows, cols] = [2048, 256];
const x = numbers(rows * cols);
const gain = numbers(cols);
const rstd = new Float32Array(rows).fill(1);

benchKernel({
  kernel: rmsNormKernel,
  sizes: { rows, cols, eps: 1e-5 },
  buffers: { x, gain, out: new Float32Array(rows * cols), rstd },
});

const block = normGradBlock(cols);
benchKernel({
  kernel: rmsNormGradKernel,
  sizes: { rows, cols, block },
  buffers: {
    x,
    gain,
    rstd,
    g: numbers(rows * cols),
    base: new Float32Array(),
    dx: new Float32Array(rows * cols),
    dgains: new Float32Array(Math.ceil(rows / block) * cols),
  },
});
