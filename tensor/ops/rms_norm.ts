import {
  checkNumber,
  normGradBlock,
  rmsNormGradAddedKernel,
  rmsNormGradKernel,
  rmsNormKernel,
} from "../../kernels/mod.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";
import { columnSum } from "./column_sum.ts";
import { checkColumns, rowsOf } from "./rows.ts";

/** Options of {@linkcode rmsNorm}. */
export interface RmsNormOptions {
  /** Added to the mean square; default 1e-5. */
  readonly eps?: number;
}

const apply = defineOp<
  readonly [x: Tensor, gain: Tensor],
  { readonly eps: number },
  Tensor
>({
  name: "rmsNorm",
  shape: ([x, gain]) => {
    checkColumns("rmsNorm", x, gain);
    return x;
  },
  forward: (out, [x, gain], { eps }) => {
    const sizes = { ...rowsOf(x), eps };
    const rstd = Tensor.empty(x.device, [sizes.rows]);
    x.device.launch(rmsNormKernel, {
      x: x.storage,
      gain: gain.storage,
      out: out.storage,
      rstd: rstd.storage,
    }, sizes);
    return rstd;
  },
  vjp: ({ g, inputs: [x, gain], saved: rstd, wants, target }) => {
    const { rows, cols } = rowsOf(x);
    const block = normGradBlock(cols);
    const { into, base } = target(0);
    using dgains = Tensor.empty(x.device, [Math.ceil(rows / block), cols]);
    x.device.launch(base ? rmsNormGradAddedKernel : rmsNormGradKernel, {
      x: x.storage,
      gain: gain.storage,
      rstd: rstd.storage,
      g: g.storage,
      base: (base ?? g).storage,
      dx: into.storage,
      dgains: dgains.storage,
    }, { rows, cols, block });
    return [into, wants(1) ? columnSum(dgains, target(1)) : undefined];
  },
});

/**
 * Scales rows to unit root mean square: x / √(mean x² + eps) · gain, along the
 * last axis (Zhang and Sennrich, 2019, "Root Mean Square Layer Normalization").
 *
 * x: [..., n], gain: [n] -> [..., n]. Throws a `ShapeError` otherwise, and a
 * `RangeError` for an eps below 0.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, rmsNorm, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [1, 2], [2, -2]);
 * const gain = Tensor.from(device, [2], [1, 3]);
 * const y = rmsNorm(x, gain, { eps: 0 });
 * assertEquals([...await y.data()], [1, -3]);
 * ```
 */
export function rmsNorm(
  x: Tensor,
  gain: Tensor,
  { eps = 1e-5 }: RmsNormOptions = {},
): Tensor {
  checkNumber("apply rmsNorm with eps", eps, { least: 0 });
  return apply([x, gain], { eps });
}
