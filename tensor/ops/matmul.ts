import type { MatmulSize } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp, type Op } from "../op.ts";
import { type Shape, sizeOf, type Tensor } from "../tensor.ts";
import { product } from "./product.ts";

/** Which operands of a matrix product are stored transposed. */
export interface MatmulOptions {
  /** `a` is [..., k, m] instead of [..., m, k]. */
  readonly transposeA?: boolean;
  /** `b` is [..., n, k] instead of [..., k, n]. */
  readonly transposeB?: boolean;
}

/** Sizes of a product, from its operands. */
function sizesOf(
  a: Shape,
  b: Shape,
  { transposeA, transposeB }: MatmulOptions,
): Record<MatmulSize, number> {
  const [rows = 0, columns = 0] = a.slice(-2);
  const [m, k] = transposeA ? [columns, rows] : [rows, columns];
  const n = b.at(transposeB ? -2 : -1) ?? 0;
  const batch = sizeOf(a.slice(0, -2));
  // One matrix `b` for all of `a`: the rows of all batches are one matrix.
  const shared = b.length === 2 && !transposeA;
  return shared ? { batch: 1, m: batch * m, n, k } : { batch, m, n, k };
}

const matmulOp: Op<[Tensor, Tensor], MatmulOptions> = defineOp({
  name: "matmul",
  shape: ([a, b], options) => {
    const { transposeA, transposeB } = options;
    if (a.length < 2 || b.length < 2) {
      throw new ShapeError("matmul", [a, b], "both must have 2 axes or more");
    }
    const { k, n } = sizesOf(a, b, options);
    const inner = b.at(transposeB ? -1 : -2);
    if (k !== inner) {
      throw new ShapeError(
        "matmul",
        [a, b],
        `the inner axes must be equal, ${k} and ${inner} are not; transposeA or transposeB may be missing`,
      );
    }
    const batch = a.slice(0, -2);
    const same = batch.length === b.length - 2 &&
      batch.every((length, i) => length === b[i]);
    if (!same && (b.length > 2 || transposeA)) {
      throw new ShapeError(
        "matmul",
        [a, b],
        "the axes before the last two must be equal, or b a single matrix",
      );
    }
    return [...batch, a.at(transposeA ? -1 : -2) ?? 0, n];
  },
  forward: (c, [a, b], options) => {
    product({ a, b, c }, sizesOf(a.shape, b.shape, options), options);
  },
  vjp: ({ g, inputs: [a, b], attributes, wants, target }) => {
    const { transposeA = false, transposeB = false } = attributes;
    const { batch, m, n, k } = sizesOf(a.shape, b.shape, attributes);
    /** Gradient of input i as op(left) op(right), of `rows` x `columns`. */
    const gradient = (
      i: number,
      [left, right]: readonly [Tensor, Tensor],
      [rows, columns, inner]: readonly [number, number, number],
      transposes: MatmulOptions,
    ): Tensor | undefined => {
      if (!wants(i)) return undefined;
      const { into, base } = target(i);
      const sizes = { batch, m: rows, n: columns, k: inner };
      return product({ a: left, b: right, c: into, base }, sizes, transposes);
    };
    return [
      transposeA
        ? gradient(0, [b, g], [k, m, n], {
          transposeA: transposeB,
          transposeB: true,
        })
        : gradient(0, [g, b], [m, k, n], { transposeB: !transposeB }),
      transposeB
        ? gradient(1, [g, a], [n, k, m], {
          transposeA: true,
          transposeB: transposeA,
        })
        : gradient(1, [a, g], [k, n, m], { transposeA: !transposeA }),
    ];
  },
});

/**
 * Matrix product of the last two axes.
 *
 * a: [..., m, k], b: [..., k, n] or [k, n] -> [..., m, n]. Throws a
 * `ShapeError` when the shapes do not fit.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { matmul, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const a = Tensor.from(device, [1, 2], [1, 2]);
 * const b = Tensor.from(device, [2, 1], [3, 4]);
 * assertEquals([...await matmul(a, b).data()], [11]);
 * ```
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: MatmulOptions = {},
): Tensor {
  return matmulOp([a, b], options);
}
