import { tokenNatsGradKernel, tokenNatsKernel } from "../../kernels/mod.ts";
import { benchKernel, indices, numbers } from "../support.ts";

const [rows, cols] = [2048, 260];
const logits = numbers(rows * cols);
const targets = indices(rows, cols);
const top = new Float32Array(rows);
const rest = new Float32Array(rows).fill(Math.log(cols));

benchKernel({
  kernel: tokenNatsKernel,
  sizes: { rows, cols },
  buffers: { logits, targets, nats: new Float32Array(rows), top, rest },
});
benchKernel({
  kernel: tokenNatsGradKernel,
  sizes: { rows, cols },
  buffers: {
    logits,
    targets,
    top,
    rest,
    g: new Float32Array(rows).fill(1 / rows),
    dlogits: new Float32Array(rows * cols),
  },
});
