import { type Rng, type Shape, sizeOf } from "../tensor/mod.ts";
import { Parameter } from "./module.ts";

/**
 * A parameter drawn from a normal distribution of standard deviation `sigma`,
 * cut at three of them (Pagnoni et al., 2024, arXiv:2412.09871, as released).
 */
export function truncatedNormal(
  shape: Shape,
  sigma: number,
  rng: Rng,
): Parameter {
  const values = new Float32Array(sizeOf(shape));
  rng.fillTruncatedNormal(values, sigma);
  return new Parameter(shape, values);
}

/** A parameter whose elements are all `value`. */
export function filled(shape: Shape, value: number): Parameter {
  return new Parameter(shape, new Float32Array(sizeOf(shape)).fill(value));
}
