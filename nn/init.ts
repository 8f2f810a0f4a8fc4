import { checkNumber, type Rng, type Shape, sizeOf } from "../tensor/mod.ts";
import { Parameter } from "./module.ts";

/** Whether `undrawn` runs. */
let blank = false;

/**
 * Calls `build`, in which parameters are 0 instead of drawn: for modules whose
 * weights come from a file, since drawing takes longer than reading.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, undrawn } from "@club/club/nn";
 * import { Rng } from "@club/club/tensor";
 *
 * const layer = undrawn(() => new Linear(2, 1, { rng: new Rng(0) }));
 * assertEquals([...layer.weight.initial], [0, 0]);
 * ```
 */
export function undrawn<T>(build: () => T): T {
  const before = blank;
  blank = true;
  try {
    return build();
  } finally {
    blank = before;
  }
}

/**
 * A parameter drawn from a normal distribution of standard deviation `sigma`,
 * cut at three of them (Pagnoni et al., 2024, arXiv:2412.09871, as released).
 */
export function truncatedNormal(
  shape: Shape,
  sigma: number,
  rng: Rng,
): Parameter {
  checkNumber("draw weights with sigma", sigma, { least: 0 });
  const values = new Float32Array(sizeOf(shape));
  if (!blank) rng.fillTruncatedNormal(values, sigma);
  return new Parameter(shape, values);
}

/**
 * Throws a `RangeError` unless the sizes of `layer`, by name, are integers >= 1.
 */
export function checkLayer(
  layer: string,
  sizes: Readonly<Record<string, number>>,
): void {
  for (const [name, size] of Object.entries(sizes)) {
    checkNumber(`build ${layer} with ${name}`, size, { whole: true, least: 1 });
  }
}

/** A parameter whose elements are all `value`. */
export function filled(shape: Shape, value: number): Parameter {
  return new Parameter(shape, new Float32Array(sizeOf(shape)).fill(value));
}
