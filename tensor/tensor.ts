import {
  type Device,
  type ElementType,
  slice,
  type Storage,
} from "../kernels/mod.ts";
import { DisposedError, DTypeError, ShapeError, textOf } from "./errors.ts";
import { Scope } from "./scope.ts";
import { sameShape, type Shape } from "./shape.ts";

export type { Shape } from "./shape.ts";

/** Type of the elements: numbers, or indices. */
export type DType = ElementType;

/** How a tensor was computed: the edge that `backward` walks. */
export interface Node {
  /** Tensors the gradient may flow to; absent operands are `undefined`. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Adds to the gradients of `inputs`, given that of the result. */
  readonly vjp: (request: GradientRequest) => readonly (Tensor | undefined)[];
}

/** What a vector-Jacobian product is asked for. */
export interface GradientRequest {
  /** Gradient of the loss with respect to the result; shaped like it. */
  readonly g: Tensor;
  /** Whether input `i` wants a gradient. */
  wants(i: number): boolean;
  /**
   * Where to write the gradient of input `i`, for operations that can add to a
   * partial gradient themselves: the result must include `base` when given.
   */
  target(i: number): GradientTarget;
}

/** Destination of one gradient. */
export interface GradientTarget {
  /** Tensor to write, with unspecified contents. */
  readonly into: Tensor;
  /** Partial gradient that the result must include. */
  readonly base: Tensor | undefined;
}

/** Copies of elements, which products read of their right operand. */
export interface Copies {
  /** In f16. */
  readonly half?: Storage | undefined;
  /** In panels, for products of few rows, of a matrix of that shape. */
  readonly panels?: {
    readonly shape: Shape;
    readonly storage: Storage;
  } | undefined;
}

/** Memory that several tensors may view; freed with the last of them. */
class Memory {
  readonly storage: Storage;
  readonly copies: Copies;
  readonly #device: Device;
  readonly #borrowed: boolean;
  #views = 0;

  constructor(
    device: Device,
    storage: Storage,
    borrowed: boolean,
    copies: Copies = {},
  ) {
    this.#device = device;
    this.storage = storage;
    this.copies = copies;
    this.#borrowed = borrowed;
  }

  retain(): this {
    this.#views += 1;
    return this;
  }

  release(): void {
    this.#views -= 1;
    if (this.#views === 0 && !this.#borrowed) this.#device.free(this.storage);
  }
}

/** Gives the tensor that an upload fills. */
export type Place = (device: Device, shape: Shape, dtype: DType) => Tensor;

/** What `uploadTo` says. */
let placing: Place | undefined;

/**
 * Calls `upload`, in which `Tensor.from` fills what `place` gives. Throws a
 * `ShapeError` or `DTypeError` when that is of another shape or element type.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, Tensor, uploadTo } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.empty(device, [2]);
 * uploadTo(() => x, () => Tensor.from(device, [2], [1, 2]));
 * assertEquals([...await x.data()], [1, 2]);
 * ```
 */
export function uploadTo<T>(place: Place, upload: () => T): T {
  const before = placing;
  placing = place;
  try {
    return upload();
  } finally {
    placing = before;
  }
}

/** Most elements of a tensor: kernels count them in 32 bits. */
const MOST = 2 ** 32 - 1;

/**
 * Number of elements of a shape. Throws a `RangeError` unless its axes are
 * integers >= 0, and fewer elements than 2^32.
 */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) {
    if (!Number.isInteger(length) || length < 0 || length > MOST) size = NaN;
    size *= length;
  }
  if (size <= MOST) return size;
  throw new RangeError(
    `Cannot make a tensor of shape ${
      textOf(shape)
    }: expected axes that are integers >= 0, and at most ${MOST} elements in all`,
  );
}

/** Storage of the first elements of `storage`, as many as `shape` has. */
function front(storage: Storage, shape: Shape, op: string): Storage {
  const bytes = 4 * sizeOf(shape);
  if (bytes === storage.bytes) return storage;
  if (bytes < storage.bytes) return slice(storage, 0, bytes);
  throw new ShapeError(
    op,
    [shape],
    `expected at most ${storage.bytes / 4} elements, as many as there are`,
  );
}

/** A dense array on a device, in row-major order. */
export class Tensor implements Disposable {
  /** Device that holds the data. */
  readonly device: Device;
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** Type of the elements. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  /** Set on results of differentiable operations. */
  readonly node: Node | undefined;
  readonly #storage: Storage;
  #memory: Memory | undefined;

  private constructor(
    device: Device,
    shape: Shape,
    dtype: DType,
    { memory, storage, node }: {
      readonly memory: Memory;
      /** Part of the memory. */
      readonly storage: Storage;
      readonly node: Node | undefined;
    },
  ) {
    this.device = device;
    this.shape = shape.slice(); // the caller's may change
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.node = node;
    this.#storage = storage;
    this.#memory = memory.retain();
    Scope.own(this);
  }

  /**
   * A tensor with unspecified contents, of numbers unless told otherwise. Throws
   * a `RangeError` for what is no shape.
   */
  static empty(
    device: Device,
    shape: Shape,
    dtype?: DType,
    node?: Node,
  ): Tensor {
    const storage = device.allocate(4 * sizeOf(shape));
    const memory = new Memory(device, storage, false);
    return new Tensor(device, shape, dtype ?? "f32", { memory, storage, node });
  }

  /**
   * Uploads `data`, which must hold one number per element of `shape`: a
   * `Uint32Array` makes a tensor of indices (u32), anything else one of f32.
   * Throws a `RangeError` when the count differs, or for what is no shape.
   *
   * @example Usage
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { openDevice, Tensor } from "@club/club/tensor";
   *
   * using device = await openDevice("cpu");
   * using x = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
   * assertEquals([...await x.data()], [1, 2, 3, 4]);
   * ```
   */
  static from(
    device: Device,
    shape: Shape,
    data: ArrayLike<number>,
  ): Tensor {
    if (data.length !== sizeOf(shape)) {
      throw new RangeError(
        `Cannot make a tensor of shape ${textOf(shape)}: expected ${
          sizeOf(shape)
        } numbers, got ${data.length}`,
      );
    }
    const indices = data instanceof Uint32Array;
    const dtype = indices ? "u32" : "f32";
    const place = placing ?? Tensor.empty;
    const tensor = place(device, shape, dtype);
    if (tensor.dtype !== dtype) {
      throw new DTypeError(
        "from",
        [tensor.dtype, dtype],
        "place fits no upload",
      );
    }
    if (!sameShape(tensor.shape, shape)) {
      throw new ShapeError(
        "from",
        [tensor.shape, shape],
        "place fits no upload",
      );
    }
    device.write(
      tensor.storage,
      indices || data instanceof Float32Array ? data : Float32Array.from(data),
    );
    return tensor;
  }

  /**
   * A tensor on memory that stays the caller's, such as a part of an arena, and
   * so do `copies`, for the caller to keep equal to it. Throws a `ShapeError`
   * when that is too small.
   */
  static borrow(
    device: Device,
    shape: Shape,
    storage: Storage,
    copies?: Copies,
  ): Tensor {
    const own = front(storage, shape, "borrow");
    const memory = new Memory(device, storage, true, copies);
    const node = undefined;
    return new Tensor(device, shape, "f32", { memory, storage: own, node });
  }

  /** Memory behind the tensor. Throws a `DisposedError` after `dispose`. */
  get storage(): Storage {
    if (!this.#memory) throw new DisposedError(this.shape);
    return this.#storage;
  }

  /** The elements in f16, which products read of their right operand. */
  get half(): Storage | undefined {
    return this.#memory?.copies.half;
  }

  /**
   * The elements in panels, which products of few rows read of theirs; a view of
   * another shape has none.
   */
  get panels(): Storage | undefined {
    const panels = this.#memory?.copies.panels;
    if (!panels || !sameShape(panels.shape, this.shape)) return undefined;
    return panels.storage;
  }

  /**
   * The same elements, or the first of them, under another shape; shares
   * memory. No gradient flows through it unless a node says how. Throws a
   * `ShapeError` when there are not as many elements.
   */
  view(shape?: Shape, node?: Node): Tensor {
    if (!this.#memory) throw new DisposedError(this.shape);
    const memory = this.#memory;
    const to = shape ?? this.shape;
    const storage = front(this.#storage, to, "view");
    return new Tensor(this.device, to, this.dtype, { memory, storage, node });
  }

  /**
   * Replaces the elements; the count must be the same, and their type: a
   * `Float32Array` for f32, a `Uint32Array` for u32.
   */
  write(data: Float32Array | Uint32Array): void {
    const type = this.dtype === "f32" ? Float32Array : Uint32Array;
    if (!((data as unknown) instanceof type)) {
      const found = Object.prototype.toString.call(data).slice(8, -1);
      throw new DTypeError(
        "write",
        [this.dtype],
        `expected a ${type.name}, got ${found}`,
      );
    }
    if (data.length !== this.size) {
      throw new RangeError(
        `Cannot write to a tensor of shape ${
          textOf(this.shape)
        }: expected ${this.size} numbers, got ${data.length}`,
      );
    }
    this.device.write(this.storage, data);
  }

  /**
   * Downloads the elements of an f32 tensor; waits for the device. Rejects with
   * a `DTypeError` for indices.
   */
  async data(): Promise<Float32Array<ArrayBuffer>> {
    return new Float32Array(await this.#read("data", "f32"));
  }

  /**
   * Downloads the elements of a u32 tensor; waits for the device. Rejects with
   * a `DTypeError` for numbers.
   */
  async indices(): Promise<Uint32Array<ArrayBuffer>> {
    return new Uint32Array(await this.#read("indices", "u32"));
  }

  /** Frees the memory; calling it twice is harmless. */
  dispose(): void {
    this.#memory?.release();
    this.#memory = undefined;
  }

  /** Same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #read(op: string, dtype: DType): Promise<ArrayBuffer> {
    if (this.dtype !== dtype) {
      throw new DTypeError(
        op,
        [this.dtype],
        `expected ${dtype}; read it by ${
          dtype === "f32" ? "indices()" : "data()"
        }`,
      );
    }
    const [bytes] = await this.device.read([this.storage]);
    return bytes!;
  }
}
