import { ShapeError } from "../errors.ts";
import { isRecording } from "../recording.ts";
import { type Shape, sizeOf, type Tensor } from "../tensor.ts";

/**
 * The same elements under another shape; free, it shares memory.
 *
 * One length may be -1: it is what is left. Throws a `ShapeError` when the
 * sizes differ, and a `RangeError` for what is no shape.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, reshape, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2, 3], [1, 2, 3, 4, 5, 6]);
 * assertEquals(reshape(x, [-1, 2]).shape, [3, 2]);
 * ```
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.filter((length) => length !== -1);
  const open = shape.length - known.length;
  const rest = x.size / sizeOf(known);
  const whole = shape.map((length) => length === -1 ? rest : length);
  const fits = open === 1 ? Number.isInteger(rest) : sizeOf(known) === x.size;
  if (open > 1 || !fits) {
    throw new ShapeError(
      "reshape",
      [x.shape, shape],
      `expected ${x.size} elements and at most one -1`,
    );
  }
  return x.view(
    whole,
    isRecording()
      ? { inputs: [x], vjp: ({ g }) => [g.view(x.shape)] }
      : undefined,
  );
}
