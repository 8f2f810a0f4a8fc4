import { BLOCK, BlockProgram } from "./block_program.ts";
import type { Expr } from "./expression.ts";
import { expressionLanes, hasLanes } from "./expression_simd.ts";
import { defineKernel, type Kernel, type NumberArray } from "./kernel.ts";
import type {
  MatmulBuffer,
  MatmulSize,
  MatmulStructure,
} from "./matmul_structure.ts";
import { matmulForms } from "./matmul_wgsl.ts";
import { PANEL_LINES, panelled, panelStart } from "./panels.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import { type SimdForm, upTo } from "./wasm/form.ts";
import type { V128 } from "./wasm/instructions.ts";
import { matmulSimd } from "./wasm/matmul.ts";
import { matvecSimd } from "./wasm/matvec.ts";

/** Rows of a for which copying b would take longer than reading it again. */
const FEW_ROWS = 3;
/** The same where b is there in panels, too. */
export const PANEL_ROWS = 4;

/** Kernel of a matrix product. */
export type MatmulKernel = Kernel<MatmulBuffer, MatmulSize>;

const kernels = new Map<string, MatmulKernel>();

/**
 * c = f(op(a) op(b) + bias) + base, for each of `batch` pairs of matrices.
 *
 * a: [batch, m, k], b: [batch, k, n], bias: [n], base, c, pre: [batch, m, n].
 */
export function matmulKernel(structure: MatmulStructure = {}): MatmulKernel {
  const { transposeA, transposeB, panelsB, halfB, bias, base, activation } =
    structure;
  const familyB = panelsB ? "p" : transposeB ? "t" : "n";
  const family = `matmul_${transposeA ? "t" : "n"}${familyB}`;
  const name = [
    family,
    halfB ? "_half" : "",
    bias ? "_bias" : "",
    activation ? `_f${activation.id}` : "",
    base ? "_base" : "",
  ].join("");
  let kernel = kernels.get(name);
  if (!kernel) {
    kernel = build({ name, family }, structure);
    kernels.set(name, kernel);
  }
  return kernel;
}

function build(
  names: Readonly<Record<"name" | "family", string>>,
  structure: MatmulStructure,
): MatmulKernel {
  const { transposeA, panelsB, halfB, bias, base, activation } = structure;
  const unvectored = halfB || panelsB && transposeA ||
    activation && !hasLanes([activation]);
  return defineKernel<MatmulBuffer, MatmulSize>({
    ...names,
    reads: {
      a: "f32",
      b: halfB ? "f16" : "f32",
      ...(bias ? { bias: "f32" } as const : {}),
      ...(base ? { base: "f32" } as const : {}),
    },
    writes: { c: "f32", ...(activation ? { pre: "f32" } as const : {}) },
    sizes: ["batch", "m", "n", "k"],
    wgsl: matmulForms(structure),
    define: (buffers, sizes) => define(structure, buffers, sizes),
    ...(unvectored ? {} : { simd: simd(structure) }),
    cost: ({ batch, m, n, k }) => ({
      bytes: 4 * batch *
        (m * k + k * n / (halfB ? 2 : 1) + m * n * (base ? 2 : 1)),
      flops: 2 * batch * m * n * k,
    }),
  });
}

function simd(
  { activation, ...rest }: MatmulStructure,
): SimdForm<MatmulSize, MatmulBuffer> {
  const structure = activation
    ? {
      ...rest,
      activation: (f: FunctionBuilder, sum: V128): V128 =>
        expressionLanes(f, [activation], () => sum)[0]!,
    }
    : rest;
  if (rest.panelsB) return matvecSimd(structure);
  const many = matmulSimd(structure);
  if (rest.transposeA || !rest.transposeB) return many;
  return upTo({ size: "m", most: FEW_ROWS }, {
    few: matvecSimd(structure),
    many,
  });
}

function define(
  { transposeA, transposeB, panelsB, bias, base, activation }: MatmulStructure,
  buffers: Readonly<Record<MatmulBuffer, NumberArray>>,
  { batch, m, n, k }: Readonly<Record<MatmulSize, number>>,
): void {
  const { a, b, c, pre } = buffers;
  const [rowA, stepA] = transposeA ? [1, m] : [k, 1];
  const widthB = panelsB ? panelled(n) : n;
  const stepB = panelsB ? PANEL_LINES : transposeB ? 1 : n;
  const startB = (column: number): number =>
    panelsB ? panelStart(column, k) : transposeB ? column * k : column;
  for (let row = 0; row < batch * m; row++) {
    const matrix = Math.floor(row / m);
    const atA = matrix * m * k + (row % m) * rowA;
    const atB = matrix * k * widthB;
    for (let column = 0; column < n; column++) {
      let sum = bias ? buffers.bias[column]! : 0;
      const start = atB + startB(column);
      for (let i = 0; i < k; i++) {
        sum += a[atA + i * stepA]! * b[start + i * stepB]!;
      }
      (activation ? pre : c)[row * n + column] = sum;
    }
  }
  if (activation) activate(activation, pre, c, batch * m * n);
  if (base) {
    for (let i = 0; i < batch * m * n; i++) c[i]! += buffers.base[i]!;
  }
}

/** to[i] = f(from[i]) for the first `length` elements. */
function activate(
  f: Expr,
  from: NumberArray,
  to: NumberArray,
  length: number,
): void {
  const program = new BlockProgram([f]);
  const [output] = program.outputs;
  for (let start = 0; start < length; start += BLOCK) {
    const end = Math.min(start + BLOCK, length);
    program.inputs.get(0)?.set(from.subarray(start, end));
    program.run(end - start);
    to.set(output!.subarray(0, end - start), start);
  }
}
