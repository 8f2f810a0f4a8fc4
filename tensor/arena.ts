import {
  checkNumber,
  type Device,
  DeviceError,
  fillKernel,
  narrowKernel,
  PARAMETER_BLOCK,
  slice,
  type Storage,
} from "../kernels/mod.ts";
import { DTypeError } from "./errors.ts";
import { DisposedError } from "./errors.ts";
import { Panels } from "./panels.ts";
import { Scope } from "./scope.ts";
import { type Shape, sizeOf, Tensor } from "./tensor.ts";

/** Most numbers in a chunk: 64 MiB, which every device can bind. */
const CHUNK = 16 * 1024 * 1024;

/** One parameter as it enters an {@linkcode Arena}. */
export interface ArenaEntry {
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** One number per element. */
  readonly initial: Float32Array;
  /** Whether weight decay applies. */
  readonly decay: boolean;
  /** Factor of the learning rate; default 1. */
  readonly lrScale?: number;
}

/** Throws a `DeviceError` when `device` has no buffers of f16. */
export function requireHalves({ halves, description }: Device): void {
  if (halves) return;
  throw new DeviceError(
    `Cannot store weights in f16: expected a WebGPU adapter with shader-f16, got "${description}"; store them in f32`,
  );
}

/** Options of an {@linkcode Arena}. */
export interface ArenaOptions {
  /** Whether the values have a `half`; default false. */
  readonly halves?: boolean;
  /**
   * Whether matrices have `panels` on the CPU device, each from the first
   * product of few rows that reads it; default false.
   */
  readonly panels?: boolean;
}

/** A piece of an {@linkcode Arena} that one kernel launch works on. */
export interface ArenaChunk {
  /** Numbers in each plane, padding included: a multiple of 64. */
  readonly length: number;
  /** For each 64 numbers, decay (0 or 1) and factor of the learning rate. */
  readonly blocks: Storage;
}

/** Place of a parameter. */
interface Slot {
  readonly shape: Shape;
  readonly chunk: number;
  /** First number in the chunk, a multiple of 64. */
  readonly start: number;
}

/**
 * Parameters side by side in a few large pieces of memory, so that an optimizer
 * updates all of them in one launch per chunk. Each plane (values, gradients,
 * averages) has the same layout; padding stays 0.
 *
 * It owns its memory: tensors on it must not be used after it is disposed.
 */
export class Arena implements Disposable {
  /** Device that holds the numbers. */
  readonly device: Device;
  /** Current value of each parameter. */
  readonly values: ReadonlyMap<string, Tensor> = new Map();
  /** Pieces, in order. */
  readonly chunks: readonly ArenaChunk[];
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #planes = new Map<string, readonly Storage[]>();
  readonly #halves: readonly Storage[];
  readonly #panels: ReadonlyMap<string, Panels>;
  #gradients: ReadonlyMap<string, Tensor> | undefined;
  #disposed = false;

  /**
   * Lays out and uploads parameters by name. Throws a `RangeError` when one has
   * no elements, not as many initial numbers, or a factor below 0, and a
   * `DeviceError` when the device lacks the halves asked for.
   */
  constructor(
    device: Device,
    entries: ReadonlyMap<string, ArenaEntry>,
    { halves = false, panels = false }: ArenaOptions = {},
  ) {
    if (halves) requireHalves(device);
    // Storage begins at multiples of 256 bytes, in f16 128 numbers.
    const alignment = halves ? 2 : 1;
    const slots = new Map<string, Slot>();
    const blocks: number[][] = [];
    let start = CHUNK;
    for (const [name, { shape, decay, lrScale = 1 }] of entries) {
      checkNumber(`place ${name} with lrScale`, lrScale, { least: 0 });
      if (sizeOf(shape) === 0) {
        throw new RangeError(
          `Cannot place ${name}: expected at least one number, got shape [${
            shape.join(", ")
          }]`,
        );
      }
      const size = alignment *
        Math.ceil(sizeOf(shape) / PARAMETER_BLOCK / alignment);
      if (start + size * PARAMETER_BLOCK > CHUNK) {
        blocks.push([]);
        start = 0;
      }
      slots.set(name, { shape, chunk: blocks.length - 1, start });
      const own = blocks.at(-1)!;
      for (let i = 0; i < size; i++) own.push(Number(decay), lrScale);
      start += size * PARAMETER_BLOCK;
    }
    this.device = device;
    this.#slots = slots;
    this.chunks = blocks.map((own) => {
      const storage = device.allocate(4 * own.length);
      device.write(storage, Float32Array.from(own));
      return { length: own.length / 2 * PARAMETER_BLOCK, blocks: storage };
    });
    this.#halves = halves
      ? this.chunks.map(({ length }) => device.allocate(2 * length))
      : [];
    Scope.own(this);
    this.#panels = panels && device.kind === "cpu"
      ? this.#panelsOf("values")
      : new Map();
    this.values = this.#tensors("values", this.#halves);
    const initial = [...entries].map(([name, entry]) =>
      [name, entry.initial] as const
    );
    this.write("values", new Map(initial));
  }

  /**
   * Where `backward` leaves the gradient of each parameter; without the memory
   * for it until they are first asked for.
   */
  get gradients(): ReadonlyMap<string, Tensor> {
    if (!this.#gradients) {
      this.#gradients = this.#tensors("gradients");
      for (const gradient of this.#gradients.values()) Scope.disown(gradient);
    }
    return this.#gradients;
  }

  /**
   * Memory of a plane, one piece per chunk: "values", "gradients", or one that
   * an optimizer names and that is made on first use, filled with 0.
   */
  plane(name: string): readonly Storage[] {
    let plane = this.#planes.get(name);
    if (!plane) {
      if (this.#disposed) {
        const [slot] = this.#slots.values();
        throw new DisposedError(slot?.shape ?? []);
      }
      plane = this.chunks.map(({ length }) => {
        const out = this.device.allocate(4 * length);
        this.device.launch(fillKernel, { out }, { length, value: 0 });
        return out;
      });
      this.#planes.set(name, plane);
    }
    return plane;
  }

  /** Downloads a plane by parameter; waits for the device once. */
  async read(plane: string): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const slots = [...this.#slots];
    const places = slots.map(([, slot]) => this.#place(plane, slot));
    const bytes = await this.device.read(places);
    return new Map(
      slots.map(([name], i) => [name, new Float32Array(bytes[i]!)]),
    );
  }

  /**
   * Tells that the values change. Whoever captures what changes them says so at
   * each replay, too.
   */
  outdate(): void {
    for (const panels of this.#panels.values()) panels.outdate();
  }

  /** Makes the copies of the values, if any, again from those. */
  refreshCopies(): void {
    this.outdate();
    for (const [i, out] of this.#halves.entries()) {
      const buffers = { x: this.plane("values")[i]!, out };
      const { length } = this.chunks[i]!;
      this.device.launch(narrowKernel, buffers, { length });
    }
  }

  /**
   * Replaces the numbers of a plane. Throws a `RangeError` unless `data` has
   * one number per element for every parameter.
   */
  write(plane: string, data: ReadonlyMap<string, Float32Array>): void {
    for (const [name, slot] of this.#slots) {
      const numbers = data.get(name);
      if (numbers?.length !== sizeOf(slot.shape)) {
        throw new RangeError(
          `Cannot write ${plane} of ${name}: expected ${
            sizeOf(slot.shape)
          } numbers, got ${numbers?.length ?? "none"}`,
        );
      }
      if (!(numbers instanceof Float32Array)) {
        throw new DTypeError(
          "write",
          [name],
          `expected a Float32Array, got ${
            (numbers as object).constructor.name
          }`,
        );
      }
      this.device.write(this.#place(plane, slot), numbers);
    }
    if (plane === "values") this.refreshCopies();
  }

  /** Frees all planes; calling it twice is harmless. */
  dispose(): void {
    const { device, chunks } = this;
    const planes = [...this.#planes.values()].flat();
    this.#planes.clear();
    if (this.#disposed) return;
    this.#disposed = true;
    for (const storage of [...planes, ...this.#halves]) device.free(storage);
    for (const { blocks } of chunks) device.free(blocks);
    for (const panels of this.#panels.values()) panels.dispose();
    // Whoever still has one is told so, in place of reading another's memory.
    for (const value of this.values.values()) value.dispose();
    for (const gradient of this.#gradients?.values() ?? []) gradient.dispose();
  }

  /** Same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #place(plane: string, { shape, chunk, start }: Slot): Storage {
    return slice(this.plane(plane)[chunk]!, 4 * start, 4 * sizeOf(shape));
  }

  /** Panels of the matrices of a plane. */
  #panelsOf(plane: string): Map<string, Panels> {
    const found = new Map<string, Panels>();
    for (const [name, slot] of this.#slots) {
      const [n = 0, k = 0] = slot.shape;
      if (slot.shape.length !== 2) continue;
      const source = this.#place(plane, slot);
      found.set(name, new Panels(this.device, source, [n, k]));
    }
    return found;
  }

  #tensors(
    plane: string,
    halves: readonly Storage[] = [],
  ): Map<string, Tensor> {
    return new Map(
      [...this.#slots].map(([name, slot]) => {
        const { shape, chunk, start } = slot;
        const half = halves[chunk] &&
          slice(halves[chunk], 2 * start, 2 * sizeOf(shape));
        const storage = this.#place(plane, slot);
        const panels = plane === "values" ? this.#panels.get(name) : undefined;
        const copies = { half, panels };
        return [name, Tensor.borrow(this.device, shape, storage, copies)];
      }),
    );
  }
}
