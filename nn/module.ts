import { type Shape, sizeOf, Tensor, textOf } from "../tensor/mod.ts";

/** Trainable numbers: first on the host, then on the device of the model. */
export class Parameter {
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** Number of elements. */
  readonly size: number;
  #initial: Float32Array | undefined;
  #value: Tensor | undefined;

  /** `initial` has one number per element; throws a `RangeError` otherwise. */
  constructor(shape: Shape, initial: Float32Array) {
    if (initial.length !== sizeOf(shape)) {
      throw new RangeError(
        `Cannot make a parameter of shape ${textOf(shape)}: expected ${
          sizeOf(shape)
        } numbers, got ${initial.length}`,
      );
    }
    this.shape = [...shape]; // the caller's may change
    this.size = initial.length;
    this.#initial = initial;
  }

  /** Initial numbers, until the parameter is placed on a device. */
  get initial(): Float32Array {
    if (!this.#initial) {
      throw new ReferenceError(
        "Cannot read the initial numbers of a parameter: it is on a device",
      );
    }
    return this.#initial;
  }

  /** Current value. Throws a `ReferenceError` before `placeWeights`. */
  get value(): Tensor {
    if (!this.#value) {
      throw new ReferenceError(
        "Cannot use a parameter: call placeWeights(model, device) first",
      );
    }
    return this.#value;
  }

  /** Makes `value` the parameter's home; the initial numbers are forgotten. */
  place(value: Tensor): void {
    this.#value = value;
    this.#initial = undefined;
  }
}

/**
 * Parameters of `module` with their dotted paths, in declaration order.
 *
 * Walks fields and arrays. A parameter reached twice (tied weights) is listed
 * once, under the first path.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, parameters } from "@club/club/nn";
 * import { Rng } from "@club/club/tensor";
 *
 * const model = { layers: [new Linear(2, 3, { rng: new Rng(0) })] };
 * assertEquals([...parameters(model).keys()], ["layers.0.weight"]);
 * ```
 */
export function parameters(module: object): Map<string, Parameter> {
  const found = new Map<string, Parameter>();
  const seen = new Set<object>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    if (ArrayBuffer.isView(value) || value instanceof Tensor) return;
    seen.add(value);
    if (value instanceof Parameter) found.set(path, value);
    else {
      for (const [key, child] of Object.entries(value)) {
        visit(child, path === "" ? key : `${path}.${key}`);
      }
    }
  };
  visit(module, "");
  return found;
}
