import { checkNumber, type Device } from "../kernels/mod.ts";
import { sizeOf, Tensor } from "./tensor.ts";

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
 * Throws a `RangeError` when the width is odd or a number is none.
 */
export function rotaryTable(
  device: Device,
  { positions, headWidth, theta }: RotaryOptions,
): Tensor {
  const whole = { whole: true, least: 0 };
  checkNumber("make a rotary table with positions", positions, whole);
  sizeOf([positions, headWidth]); // throws before memory is filled
  const table = rotaryAngles(0, positions, { headWidth, theta });
  return Tensor.from(device, [positions, headWidth], table);
}

/** The same on the host, for `count` positions from `first` on. [count, E] */
export function rotaryAngles(
  first: number,
  count: number,
  { headWidth, theta }: Pick<RotaryOptions, "headWidth" | "theta">,
): Float32Array {
  const whole = { whole: true, least: 0 };
  checkNumber("make a rotary table from position", first, whole);
  checkNumber("make a rotary table of positions", count, whole);
  checkNumber("make a rotary table with theta", theta, { above: 0 });
  if (headWidth % 2 !== 0 || !(headWidth >= 0)) {
    throw new RangeError(
      `Cannot make a rotary table: expected an even head width, got ${headWidth}`,
    );
  }
  const angles = new Float32Array(count * headWidth);
  for (let i = 0; i < headWidth; i += 2) {
    const frequency = theta ** (-i / headWidth);
    for (let row = 0; row < count; row++) {
      const at = row * headWidth + i;
      angles[at] = Math.cos((first + row) * frequency);
      angles[at + 1] = Math.sin((first + row) * frequency);
    }
  }
  return angles;
}
