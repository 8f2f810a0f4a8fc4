import { layerNorm, rmsNorm, type Tensor } from "../tensor/mod.ts";
import { filled } from "./init.ts";
import type { Parameter } from "./module.ts";

/** Options of a normalization. */
export interface NormOptions {
  /** Added to the mean square or variance, against division by zero. */
  readonly eps?: number;
}

/**
 * Root-mean-square normalization of the last axis with a gain (Zhang and
 * Sennrich, 2019, arXiv:1910.07467).
 */
export class RMSNorm {
  /** [dim] */
  readonly gain: Parameter;
  /** Added to the mean square. */
  readonly eps: number;

  /** For rows of `dim` features; the gain starts at 1. */
  constructor(dim: number, { eps = 1e-5 }: NormOptions = {}) {
    this.gain = filled([dim], 1);
    this.eps = eps;
  }

  /** x: [..., dim] -> [..., dim] */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.gain.value, { eps: this.eps });
  }
}

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

  /** For rows of `dim` features; the gain starts at 1, the bias at 0. */
  constructor(dim: number, { eps = 1e-5 }: NormOptions = {}) {
    this.gain = filled([dim], 1);
    this.bias = filled([dim], 0);
    this.eps = eps;
  }

  /** x: [..., dim] -> [..., dim] */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.gain.value, this.bias.value, { eps: this.eps });
  }
}
