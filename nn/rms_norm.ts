import { checkNumber, rmsNorm, type Tensor } from "../tensor/mod.ts";
import { checkLayer, filled } from "./init.ts";
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

  /**
   * For rows of `dim` features; the gain starts at 1. Throws a `RangeError` for
   * numbers that are none.
   */
  constructor(dim: number, { eps = 1e-5 }: NormOptions = {}) {
    checkLayer("RMSNorm", { dim });
    checkNumber("build RMSNorm with eps", eps, { least: 0 });
    this.gain = filled([dim], 1);
    this.eps = eps;
  }

  /** x: [..., dim] -> [..., dim] */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.gain.value, { eps: this.eps });
  }
}
