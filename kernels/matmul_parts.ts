import { columnSumAddedKernel, columnSumKernel } from "./column_sum.ts";
import type { Device, Storage } from "./device.ts";
import { defineKernel, type Kernel } from "./kernel.ts";
import { matmulKernel } from "./matmul.ts";
import type {
  MatmulBuffer,
  MatmulSize,
  MatmulStructure,
} from "./matmul_structure.ts";
import { partDepth, partForms } from "./matmul_tile_wgsl.ts";

/** How the operands of a product of parts are stored. */
export type MatmulOperands = Pick<
  MatmulStructure,
  "transposeA" | "transposeB" | "halfB"
>;

/** Kernel of a matrix product whose sums are left in parts. */
export type MatmulPartsKernel = Kernel<
  "a" | "b" | "c",
  "m" | "n" | "k" | "depth"
>;

const kernels = new Map<string, MatmulPartsKernel>();

/**
 * op(a) op(b), summed over each `depth` of the steps of k alone, so that a
 * small result of long sums keeps a GPU busy. The order of all additions is
 * fixed. a: [m, k], b: [k, n], c: [⌈k / depth⌉, m, n]; `depth` is a multiple
 * of 16.
 */
export function matmulPartsKernel(
  { transposeA = false, transposeB = false, halfB = false }: MatmulOperands,
): MatmulPartsKernel {
  const structure = { transposeA, transposeB, halfB };
  const whole = matmulKernel(structure);
  const name = `${whole.name}_parts`;
  const kernel = kernels.get(name) ?? defineKernel({
    name,
    reads: { a: "f32", b: halfB ? "f16" : "f32" },
    writes: { c: "f32" },
    sizes: ["m", "n", "k", "depth"],
    wgsl: partForms(structure),
    define: ({ a, b, c }, { m, n, k, depth }) => {
      const [rowA, stepA] = transposeA ? [1, m] : [k, 1];
      const [columnB, stepB] = transposeB ? [k, 1] : [1, n];
      for (let first = 0, at = 0; first < k; first += depth) {
        const end = Math.min(first + depth, k);
        for (let row = 0; row < m; row++) {
          for (let column = 0; column < n; column++) {
            let sum = 0;
            for (let i = first; i < end; i++) {
              sum += a[row * rowA + i * stepA]! *
                b[column * columnB + i * stepB]!;
            }
            c[at++] = sum;
          }
        }
      }
    },
    cost: ({ m, n, k, depth }) => ({
      bytes: 4 *
        (m * k + k * n / (halfB ? 2 : 1) + m * n * Math.ceil(k / depth)),
      flops: 2 * m * n * k,
    }),
  });
  kernels.set(name, kernel);
  return kernel;
}

/**
 * Launches `matmulKernel(structure)`, or, where that would leave a GPU idle,
 * the same in two stages: parts of the sums, and their sum in order.
 */
export function launchMatmul(
  device: Device,
  structure: MatmulStructure,
  buffers: Readonly<Record<MatmulBuffer, Storage>>,
  sizes: Readonly<Record<MatmulSize, number>>,
): void {
  const { batch, m, n, k } = sizes;
  const depth = batch > 1 || structure.bias || structure.activation
    ? k
    : partDepth(device.class, sizes);
  if (depth === k) {
    device.launch(matmulKernel(structure), buffers, sizes);
    return;
  }
  const parts = Math.ceil(k / depth);
  const c = device.allocate(4 * parts * m * n);
  const partial = { a: buffers.a, b: buffers.b, c };
  device.launch(matmulPartsKernel(structure), partial, { m, n, k, depth });
  device.launch(
    structure.base ? columnSumAddedKernel : columnSumKernel,
    { x: c, base: buffers.base, out: buffers.c },
    { rows: parts, cols: m * n },
  );
  device.free(c);
}
