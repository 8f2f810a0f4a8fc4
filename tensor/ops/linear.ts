import { differentiate, type Expr, input } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp, type Op } from "../op.ts";
import { Tensor } from "../tensor.ts";
import { fuse, type FusedOp } from "./fuse.ts";
import { product } from "./product.ts";
import { sum } from "./reduce.ts";
import { rowsOf } from "./rows.ts";

/** What a linear map does beside the product, in the same launch. */
export interface LinearOptions {
  /** Added to every row. [out] */
  readonly bias?: Tensor | undefined;
  /** Applied after the bias. */
  readonly activation?: ((x: Expr) => Expr) | undefined;
  /** Added at the very end. [..., out] */
  readonly residual?: Tensor | undefined;
}

type LinearInputs = readonly [
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  residual: Tensor | undefined,
];

/** Gradient of an activation's argument, from the argument and that of its value. */
const chains = new Map<Expr, FusedOp>();

function chainOf(activation: Expr): FusedOp {
  let chain = chains.get(activation);
  if (!chain) {
    chain = fuse(
      `activation_${activation.id}_grad`,
      (_pre, _g) => differentiate(activation, 0, input(1)),
    );
    chains.set(activation, chain);
  }
  return chain;
}

const linearOp: Op<LinearInputs, Expr | undefined> = defineOp({
  name: "linear",
  shape: ([x, weight, bias, residual]) => {
    const [out = 0, inner] = weight;
    if (x.length < 1 || weight.length !== 2 || x.at(-1) !== inner) {
      throw new ShapeError(
        "linear",
        [x, weight],
        "the weight must be [out, in] and the last axes must be equal",
      );
    }
    const shape = [...x.slice(0, -1), out];
    if (bias && (bias.length !== 1 || bias[0] !== out)) {
      throw new ShapeError("linear", [weight, bias], "the bias must be [out]");
    }
    if (residual && residual.join() !== shape.join()) {
      throw new ShapeError(
        "linear",
        [shape, residual],
        "the residual must be shaped like the result",
      );
    }
    return shape;
  },
  forward: (c, [x, weight, bias, base], activation) => {
    const pre = activation && Tensor.empty(c.device, c.shape);
    const [n = 0, k = 0] = weight.shape;
    product(
      { a: x, b: weight, c, bias, base, pre },
      { batch: 1, m: rowsOf(c).rows, n, k },
      { transposeB: true, ...(activation ? { activation } : {}) },
    );
    return pre;
  },
  vjp: ({ g, inputs: [x, weight], attributes, saved, wants, target }) => {
    const d = attributes && saved ? chainOf(attributes)(saved, g) : g;
    const [n = 0, k = 0] = weight.shape;
    const m = rowsOf(d).rows;
    const gradient = (
      i: number,
      [a, b]: readonly [Tensor, Tensor],
      sizes: Readonly<Record<"m" | "n" | "k", number>>,
      transposeA: boolean,
    ): Tensor | undefined => {
      if (!wants(i)) return undefined;
      const { into, base } = target(i);
      return product({ a, b, c: into, base }, { batch: 1, ...sizes }, {
        transposeA,
      });
    };
    return [
      gradient(0, [d, weight], { m, n: k, k: n }, false),
      gradient(1, [d, x], { m: n, n: k, k: m }, true),
      wants(2) ? sum(d.view([m, n]), { axis: 0 }) : undefined,
      wants(3) ? g : undefined,
    ];
  },
});

/**
 * Linear map of the last axis: y = f(x Wᵀ + bias) + residual.
 *
 * x: [..., in], weight: [out, in] -> [..., out]. Throws a `ShapeError` when
 * the shapes do not fit.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { linear, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [1, 2], [1, 2]);
 * const weight = Tensor.from(device, [1, 2], [3, 4]);
 * const bias = Tensor.from(device, [1], [10]);
 * assertEquals([...await linear(x, weight, { bias }).data()], [21]);
 * ```
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  { bias, activation, residual }: LinearOptions = {},
): Tensor {
  const f = activation?.(input(0));
  return linearOp([x, weight, bias, residual], f);
}
