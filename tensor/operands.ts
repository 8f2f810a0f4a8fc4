import { DTypeError } from "./errors.ts";
import type { DType, Tensor } from "./tensor.ts";

/** Throws a `DTypeError` unless each of `lists` is a `Uint32Array`. */
export function checkIndices(op: string, ...lists: readonly unknown[]): void {
  for (const list of lists) {
    if (list instanceof Uint32Array) continue;
    const found = Object.prototype.toString.call(list).slice(8, -1);
    throw new DTypeError(op, [found], "expected a Uint32Array");
  }
}

/** Options of {@linkcode checkOperands}. */
export interface OperandOptions {
  /** Element types of the tensors, in order; f32 where absent. */
  readonly dtypes?: readonly DType[];
  /**
   * Tensors that come along, as in an index: they must be on the same device.
   */
  readonly beside?: readonly (Tensor | undefined)[];
}

/**
 * Throws a `TypeError` when tensors that `name` works on are of two devices, and
 * a `DTypeError` when one has another element type than it should.
 *
 * @example Usage
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { checkOperands, DTypeError, openDevice, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using ids = Tensor.from(device, [2], Uint32Array.of(1, 2));
 * checkOperands("look", [ids], { dtypes: ["u32"] });
 * assertThrows(() => checkOperands("look", [ids]), DTypeError, "input 0");
 * ```
 */
export function checkOperands(
  name: string,
  tensors: readonly (Tensor | undefined)[],
  { dtypes = [], beside = [] }: OperandOptions = {},
): void {
  const device = tensors.find((tensor) => tensor)?.device;
  const checkDevice = (tensor: Tensor | undefined): void => {
    if (!tensor || tensor.device === device) return;
    throw new TypeError(
      `Cannot apply ${name} to tensors of two devices: "${device?.description}" and "${tensor.device.description}"`,
    );
  };
  for (const [i, tensor] of tensors.entries()) {
    if (!tensor) continue;
    checkDevice(tensor);
    const expected = dtypes[i] ?? "f32";
    if (tensor.dtype !== expected) {
      const found = tensors.map((tensor) => tensor?.dtype ?? "none");
      throw new DTypeError(name, found, `input ${i} must be ${expected}`);
    }
  }
  beside.forEach(checkDevice);
}
