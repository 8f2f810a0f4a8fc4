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
 * a `DTypeError` when one has another element type than it should, and a
 * `DisposedError` when one was freed.
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
  // Plain loops: every operation comes by.
  let first: Tensor | undefined;
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i];
    if (!tensor) continue;
    first ??= tensor;
    tensor.storage; // throws when it was freed
    if (tensor.device !== first.device) throw twoDevices(name, first, tensor);
    const expected = dtypes[i] ?? "f32";
    if (tensor.dtype !== expected) {
      const found = tensors.map((tensor) => tensor?.dtype ?? "none");
      throw new DTypeError(name, found, `input ${i} must be ${expected}`);
    }
  }
  for (const tensor of beside) {
    tensor?.storage;
    if (first && tensor && tensor.device !== first.device) {
      throw twoDevices(name, first, tensor);
    }
  }
}

function twoDevices(name: string, a: Tensor, b: Tensor): TypeError {
  return new TypeError(
    `Cannot apply ${name} to tensors of two devices: "${a.device.description}" and "${b.device.description}"`,
  );
}
