import {
  adamwKernel,
  PARAMETER_BLOCK,
  squareSums,
  squareSumsKernel,
} from "../../kernels/mod.ts";
import { adamwNumbers } from "../../tensor/mod.ts";
import { benchKernel, numbers } from "../support.ts";

const length = PARAMETER_BLOCK * 16384;
const g = numbers(length);

benchKernel({
  kernel: adamwKernel,
  sizes: { length },
  buffers: {
    g,
    blocks: new Float32Array(length / PARAMETER_BLOCK * 2).fill(1),
    settings: adamwNumbers({
      lr: 1e-3,
      betas: [0.9, 0.95],
      eps: 1e-8,
      weightDecay: 0.1,
      step: 1,
    }),
    scale: Float32Array.of(1),
    x: numbers(length),
    m: new Float32Array(length),
    v: new Float32Array(length),
  },
});
benchKernel({
  kernel: squareSumsKernel,
  sizes: { length, count: squareSums(length), start: 0 },
  buffers: {
    g,
    sums: new Float32Array(squareSums(length)),
    scaled: new Float32Array(squareSums(length)),
  },
});
