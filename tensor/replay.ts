import type { Capture, Device } from "../kernels/mod.ts";
import { Scope } from "./scope.ts";
import { sameShape } from "./shape.ts";
import { type DType, type Shape, Tensor, uploadTo } from "./tensor.ts";

/**
 * Launches that are made again and again on new inputs. While the structure of
 * these repeats, which is all but the elements of their tensors, the launches
 * are captured in the second run and replayed from then on, without the work of
 * finding them.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mul, openDevice, Replay, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * let launches = 0;
 * using squares = new Replay(device, (x: Tensor) => {
 *   launches += 1;
 *   return [mul(x, x)];
 * });
 * for (const n of [1, 2, 3, 4]) {
 *   const [square] = squares.run(() => Tensor.from(device, [1], [n]));
 *   assertEquals([...await square!.data()], [n * n]);
 * }
 * assertEquals(launches, 2);
 * ```
 */
export class Replay<Inputs> implements Disposable {
  readonly #device: Device;
  readonly #launch: (inputs: Inputs) => readonly Tensor[];
  /** What the uploads of a run fill, in their order. */
  readonly #uploads: Tensor[] = [];
  /** Of the last run. */
  #inputs: { readonly value: unknown } | undefined;
  #outputs: readonly Tensor[] = [];
  #capture: Capture | undefined;

  /**
   * `launch` may depend on nothing but its inputs and memory that lasts from
   * run to run, and must not wait. Its other tensors are freed.
   */
  constructor(
    device: Device,
    launch: (inputs: Inputs) => readonly Tensor[],
  ) {
    this.#device = device;
    this.#launch = launch;
  }

  /**
   * Launches on the inputs that `upload` makes by `Tensor.from`: tensors and
   * numbers, in public fields of objects and in arrays. They and the outputs
   * last until the next run; never waits.
   */
  run(upload: () => Inputs): readonly Tensor[] {
    let count = 0;
    const inputs = uploadTo(
      (_, shape, dtype) => this.#place(count++, shape, dtype),
      upload,
    );
    const repeats = this.#inputs && alike(inputs, this.#inputs.value);
    if (repeats && this.#capture) this.#capture.replay();
    else {
      this.#forget();
      const launch = (): void => {
        using _scope = new Scope();
        this.#outputs = this.#launch(inputs)
          .map((output) => Scope.disown(output.view()));
      };
      if (repeats) this.#capture = this.#device.capture(launch);
      else launch();
    }
    this.#inputs = { value: repeats ? this.#inputs!.value : copyOf(inputs) };
    return this.#outputs;
  }

  /** Frees all memory; the next run starts anew. */
  clear(): void {
    this.#inputs = undefined;
    this.#forget();
    this.#free(0);
  }

  /** Same as `clear`. */
  [Symbol.dispose](): void {
    this.clear();
  }

  /** Tensor of upload number `at`: that of the last run, where it fits. */
  #place(at: number, shape: Shape, dtype: DType): Tensor {
    const last = this.#uploads[at];
    if (last?.dtype === dtype && sameShape(last.shape, shape)) return last;
    // Nothing else is taken now, and so the memory of a structure is always
    // the same, whatever came before it: bind groups are found again.
    this.#forget();
    this.#free(at);
    const tensor = Scope.disown(Tensor.empty(this.#device, shape, dtype));
    this.#uploads.push(tensor);
    return tensor;
  }

  /** Frees the uploads from number `at` on. */
  #free(at: number): void {
    for (const upload of this.#uploads.splice(at)) upload.dispose();
  }

  /** Frees what the launches use. */
  #forget(): void {
    this.#capture?.[Symbol.dispose]();
    this.#capture = undefined;
    for (const output of this.#outputs) output.dispose();
    this.#outputs = [];
  }
}

/**
 * What stays as it is when the caller changes a literal or an array; objects of
 * a class are taken to stay as they are.
 */
function copyOf(value: unknown): unknown {
  if (isNumbers(value)) return value.slice();
  if (!isPlain(value) || !isLiteral(value)) return value;
  return Object.fromEntries(
    Object.keys(value).map((key) => [key, copyOf(value[key])]),
  );
}

function isLiteral(value: object): boolean {
  return Array.isArray(value) ||
    Object.getPrototypeOf(value) === Object.prototype;
}

function isNumbers(value: unknown): value is Float32Array | Uint32Array {
  return value instanceof Float32Array || value instanceof Uint32Array;
}

/** Whether launches on both are the same. */
function alike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (isNumbers(a) && isNumbers(b)) {
    return a.constructor === b.constructor && a.length === b.length &&
      a.every((number, i) => Object.is(number, b[i]));
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => alike(a[key], b[key]));
}

/** Whether public fields tell all. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null &&
    ![Tensor, Map, Set].some((type) => value instanceof type);
}
