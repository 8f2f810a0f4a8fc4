import { checkNumber, layerNorm, type Tensor } from "../tensor/mod.ts";
import { checkLayer, filled } from "./init.ts";
import type { Parameter } from "./module.ts";
import type { NormOptions } from "./rms_norm.ts";

/**
 * Normalization of the last axis to mean 0 and variance 1, with gain and bias
 * (Ba et al., 2016, arXiv:1607.06450).
 */
export class LayerNorm {
  /** [dim] */
  readonly gain: Parameter;
  /** [dim] */
  readonly bias: Parameter;
  /** Added to the variance. */
  readonly eps: number;

  /**
   * For rows of `dim` features; the gain starts at 1, the bias at 0. Throws a
   * `RangeError` for numbers that are none.
   */
  constructor(dim: number, { eps = 1e-5 }: NormOptions = {}) {
    checkLayer("LayerNorm", { dim });
    checkNumber("build LayerNorm with eps", eps, { least: 0 });
    this.gain = filled([dim], 1);
    this.bias = filled([dim], 0);
    this.eps = eps;
  }

  /** x: [..., dim] -> [..., dim] */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.gain.value, this.bias.value, { eps: this.eps });
  }
}
