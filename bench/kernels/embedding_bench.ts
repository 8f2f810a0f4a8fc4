import { embeddingGradKernel, embeddingKernel } from "../../kernels/mod.ts";
import { benchKernel, indices, numbers } from "../support.ts";

// The n-gram tables of a small BLT: six rows summed for each byte.
const [rows, each, cols, count] = [2048, 6, 128, 49152];
const none = new Float32Array();

benchKernel({
  kernel: embeddingKernel,
  sizes: { rows, each, cols },
  buffers: {
    table: numbers(count * cols),
    ids: indices(rows * each, count),
    base: none,
    out: new Float32Array(rows * cols),
  },
});

// The table of the bytes: each row is used many times.
const uses = 8;
benchKernel({
  kernel: embeddingGradKernel,
  sizes: { ids: rows / uses, cols, longest: uses },
  buffers: {
    g: numbers(rows * cols),
    order: indices(rows, rows),
    offsets: Uint32Array.from({ length: rows / uses + 1 }, (_, i) => i * uses),
    base: none,
    dtable: new Float32Array(rows / uses * cols),
  },
});
