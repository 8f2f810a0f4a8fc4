import type { Device } from "../kernels/mod.ts";
import { Tensor } from "./tensor.ts";

/** What the angles of {@linkcode rotaryTable} depend on. */
export interface RotaryOptions {
  /** Rows of the table: all positions must be below. */
  readonly positions: number;
  /** Width E of a head, even. */
  readonly headWidth: number;
  /** Base of the wave lengths. */
  readonly theta: number;
}

/**
 * Cosine and sine of the angles position theta^(-2i/E), for each pair i of
 * numbers of a head: [positions, E]. Computed in float64.
 *
 * Throws a `RangeError` when the width is odd.
 */
export function rotaryTable(
  device: Device,
  { positions, headWidth, theta }: RotaryOptions,
): Tensor {
  if (headWidth % 2 !== 0) {
    throw new RangeError(
      `Cannot make a rotary table: expected an even head width, got ${headWidth}`,
    );
  }
  const table = new Float32Array(positions * headWidth);
  for (let i = 0; i < headWidth; i += 2) {
    const frequency = theta ** (-i / headWidth);
    for (let position = 0; position < positions; position++) {
      const at = position * headWidth + i;
      table[at] = Math.cos(position * frequency);
      table[at + 1] = Math.sin(position * frequency);
    }
  }
  return Tensor.from(device, [positions, headWidth], table);
}
