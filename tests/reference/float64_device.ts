import type {
  Device,
  HostArray,
  Kernel,
  NumberArray,
  Storage,
} from "../../kernels/mod.ts";

/** Memory that serves as either type; a kernel says which it means. */
interface Memory {
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
}

/**
 * A device that computes in float64, by the definitions of the kernels: the
 * oracle of whatever is made of launches, such as gradients.
 */
export class Float64Device implements Device {
  readonly kind = "cpu";
  readonly class = "software";
  readonly halves = false;
  readonly description = "float64";
  readonly memory = { liveBytes: 0, liveBlocks: 0, peakBytes: 0, heldBytes: 0 };
  readonly counts = {
    launches: 0,
    submits: 0,
    waits: 0,
    blocks: 0,
    bindGroups: 0,
    pipelines: 0,
  };
  readonly #memories = new Map<number, Memory>();
  #allocated = 0;

  allocate(bytes: number): Storage {
    const id = this.#allocated++;
    const length = Math.ceil(bytes / 4);
    const memory = {
      f64: new Float64Array(length),
      u32: new Uint32Array(length),
    };
    this.#memories.set(id, memory);
    return { block: { bytes, id, place: 0 }, offset: 0, bytes };
  }

  free({ block }: Storage): void {
    this.#memories.delete(block.id);
  }

  write(storage: Storage, data: HostArray): void {
    const { f64, u32 } = this.#of(storage);
    if (data instanceof Float32Array) f64.set(data);
    else u32.set(data);
  }

  launch<Name extends string, Size extends string>(
    kernel: Kernel<Name, Size>,
    buffers: Readonly<Record<Name, Storage>>,
    sizes: Readonly<Record<Size, number>>,
  ): void {
    const views = kernel.buffers.map((name) => {
      const { f64, u32 } = this.#of(buffers[name]);
      const type = kernel.reads[name] ?? kernel.writes[name];
      return [name, type === "u32" ? u32 : f64] as const;
    });
    kernel.define(
      Object.fromEntries(views) as unknown as Record<Name, NumberArray>,
      sizes,
    );
  }

  /** All numbers of a storage, in float64. */
  numbers(storage: Storage): Float64Array {
    return this.#of(storage).f64.slice();
  }

  capture(): never {
    throw new Error("Cannot capture a run in float64");
  }

  submit(): void {}

  // deno-lint-ignore require-await -- the interface of other devices
  async read(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
    return storages.map((storage) =>
      Float32Array.from(this.#of(storage).f64).buffer
    );
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  trim(): void {}

  profile(): never {
    throw new Error("Cannot profile float64");
  }

  [Symbol.dispose](): void {}

  #of({ block, offset, bytes }: Storage): Memory {
    const { f64, u32 } = this.#memories.get(block.id)!;
    const [from, to] = [offset / 4, Math.ceil((offset + bytes) / 4)];
    return { f64: f64.subarray(from, to), u32: u32.subarray(from, to) };
  }
}
