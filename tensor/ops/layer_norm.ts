import {
  checkNumber,
  layerNormBiasedKernel,
  layerNormGradAddedKernel,
  layerNormGradKernel,
  layerNormKernel,
  normGradBlock,
} from "../../kernels/mod.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";
import { columnSum } from "./column_sum.ts";
import { checkColumns, rowsOf } from "./rows.ts";

/** Options of {@linkcode layerNorm}. */
export interface LayerNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
}

const apply = defineOp<
  readonly [x: Tensor, gain: Tensor, bias: Tensor | undefined],
  { readonly eps: number },
  Tensor
>({
  name: "layerNorm",
  shape: ([x, gain, bias]) => {
    checkColumns("layerNorm", x, gain);
    if (bias) checkColumns("layerNorm", x, bias);
    return x;
  },
  forward: (out, [x, gain, bias], { eps }) => {
    const sizes = { ...rowsOf(x), eps };
    const stats = Tensor.empty(x.device, [sizes.rows, 2]);
    x.device.launch(bias ? layerNormBiasedKernel : layerNormKernel, {
      x: x.storage,
      gain: gain.storage,
      bias: (bias ?? gain).storage,
      out: out.storage,
      stats: stats.storage,
    }, sizes);
    return stats;
  },
  vjp: ({ g, inputs: [x, gain], saved: stats, wants, target }) => {
    const { rows, cols } = rowsOf(x);
    const block = normGradBlock(cols);
    const { into, base } = target(0);
    const sums = [Math.ceil(rows / block), cols];
    using dgains = Tensor.empty(x.device, sums);
    using dbiases = Tensor.empty(x.device, sums);
    x.device.launch(base ? layerNormGradAddedKernel : layerNormGradKernel, {
      x: x.storage,
      gain: gain.storage,
      stats: stats.storage,
      g: g.storage,
      base: (base ?? g).storage,
      dx: into.storage,
      dgains: dgains.storage,
      dbiases: dbiases.storage,
    }, { rows, cols, block });
    return [
      into,
      wants(1) ? columnSum(dgains, target(1)) : undefined,
      wants(2) ? columnSum(dbiases, target(2)) : undefined,
    ];
  },
});

/**
 * Scales rows to mean 0 and variance 1 along the last axis, then applies gain
 * and bias: (x - mean) / √(variance + eps) · gain + bias (Ba et al., 2016,
 * arXiv:1607.06450).
 *
 * x: [..., n], gain and bias, which may be left out: [n] -> [..., n]. Throws a
 * `ShapeError` otherwise, and a `RangeError` for an eps below 0.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { layerNorm, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [1, 2], [2, 6]);
 * const gain = Tensor.from(device, [2], [1, 3]);
 * const y = layerNorm(x, gain, undefined, { eps: 0 });
 * assertEquals([...await y.data()], [-1, 3]);
 * ```
 */
export function layerNorm(
  x: Tensor,
  gain: Tensor,
  bias?: Tensor,
  { eps = 1e-5 }: LayerNormOptions = {},
): Tensor {
  checkNumber("apply layerNorm with eps", eps, { least: 0 });
  return apply([x, gain, bias], { eps });
}
