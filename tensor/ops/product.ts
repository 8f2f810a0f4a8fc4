import {
  launchMatmul,
  type MatmulSize,
  type MatmulStructure,
  PANEL_ROWS,
} from "../../kernels/mod.ts";
import type { Tensor } from "../tensor.ts";

/** Tensors of one matrix product; which ones there are is its structure. */
export interface ProductTensors {
  /** Left operand. */
  readonly a: Tensor;
  /** Right operand. */
  readonly b: Tensor;
  /** Result. */
  readonly c: Tensor;
  /** Added to every row before the activation. */
  readonly bias?: Tensor | undefined;
  /** Added to the result at the end. */
  readonly base?: Tensor | undefined;
  /** Receives the argument of the activation. */
  readonly pre?: Tensor | undefined;
}

/**
 * Launches c = f(op(a) op(b) + bias) + base and returns c. Reads a copy of `b`,
 * in f16 or, for few rows, in panels, where it has one.
 */
export function product(
  tensors: ProductTensors,
  sizes: Readonly<Record<MatmulSize, number>>,
  structure: Pick<
    MatmulStructure,
    "transposeA" | "transposeB" | "activation"
  >,
): Tensor {
  const { a, b, c, bias = c, base = c, pre = c } = tensors;
  const { half } = b;
  const { transposeA, transposeB } = structure;
  const panels = !half && !transposeA && transposeB && sizes.m <= PANEL_ROWS
    ? b.panels
    : undefined;
  const whole = {
    ...structure,
    halfB: half !== undefined,
    panelsB: panels !== undefined,
    bias: tensors.bias !== undefined,
    base: tensors.base !== undefined,
  };
  launchMatmul(c.device, whole, {
    a: a.storage,
    b: half ?? panels ?? b.storage,
    c: c.storage,
    bias: bias.storage,
    base: base.storage,
    pre: pre.storage,
  }, sizes);
  return c;
}
