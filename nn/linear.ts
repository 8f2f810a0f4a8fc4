import {
  linear,
  type LinearOptions,
  type Rng,
  type Tensor,
} from "../tensor/mod.ts";
import { checkLayer, filled, truncatedNormal } from "./init.ts";
import type { Parameter } from "./module.ts";

/** Options of a {@linkcode Linear} layer. */
export interface LinearLayerOptions {
  /** Source of the initial weight. */
  readonly rng: Rng;
  /** Standard deviation of the initial weight; default 1/√inDim. */
  readonly sigma?: number;
  /** Whether to add a bias, initially 0; default false. */
  readonly bias?: boolean;
}

/**
 * Linear map of the last axis: y = x Wᵀ, plus a bias if wanted.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, placeWeights } from "@club/club/nn";
 * import { openDevice, Rng, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const layer = new Linear(4, 2, { rng: new Rng(0) });
 * using _weights = placeWeights(layer, device);
 * const x = Tensor.from(device, [1, 4], [1, 2, 3, 4]);
 * assertEquals(layer.forward(x).shape, [1, 2]);
 * ```
 */
export class Linear {
  /** [outDim, inDim] */
  readonly weight: Parameter;
  /** [outDim] */
  readonly bias: Parameter | undefined;

  /**
   * Maps `inDim` features to `outDim`. Throws a `RangeError` for sizes that are
   * none.
   */
  constructor(
    inDim: number,
    outDim: number,
    { rng, sigma = inDim ** -0.5, bias = false }: LinearLayerOptions,
  ) {
    checkLayer("Linear", { inDim, outDim });
    this.weight = truncatedNormal([outDim, inDim], sigma, rng);
    this.bias = bias ? filled([outDim], 0) : undefined;
  }

  /**
   * x: [..., inDim] -> [..., outDim]. An activation and a residual are done in
   * the same launch. Throws a `ShapeError` when the shapes do not fit.
   */
  forward(
    x: Tensor,
    options: Pick<LinearOptions, "activation" | "residual"> = {},
  ): Tensor {
    return linear(x, this.weight.value, { ...options, bias: this.bias?.value });
  }
}
