import { CapturePool } from "./capture.ts";
import type {
  Capture,
  Device,
  DeviceCounts,
  HostArray,
  Storage,
} from "./device.ts";
import { DeviceError } from "./errors.ts";
import { checkSizes, type Kernel, type NumberArray } from "./kernel.ts";
import { type LinearBlock, LinearPool } from "./linear_pool.ts";
import type { MemoryUse } from "./pool.ts";
import { type KernelTime, Profile } from "./profile.ts";
import { Team } from "./wasm/team.ts";

const PAGE = 65536;
const MAX_PAGES = 65536;

/** Options of the processor's device. */
export interface CpuOptions {
  /** Threads that share the work; default all cores. Never changes results. */
  readonly threads?: number;
}

/** Memory that Workers can share, where the platform allows it. */
function sharedMemory(): WebAssembly.Memory {
  const pages = { initial: 16, maximum: MAX_PAGES };
  try {
    return new WebAssembly.Memory({ ...pages, shared: true });
  } catch {
    return new WebAssembly.Memory(pages);
  }
}

/** The processor: all kernels as loops or WebAssembly on one memory. */
export class CpuDevice implements Device {
  readonly kind = "cpu";
  readonly class = "software";
  readonly halves = false;
  readonly description: string;
  readonly #memory = sharedMemory();
  readonly #pool: LinearPool = new LinearPool((end, bytes) =>
    this.#grow(end, bytes)
  );
  readonly #blocksInUse = new CapturePool(this.#pool);
  readonly #team: Team;
  #closed = false;
  #launches = 0;
  readonly #simdKernels = new Set<string>();
  #waits = 0;
  #bytes: { f32: Float32Array; u32: Uint32Array } | undefined;
  #profile: Profile | undefined;

  /** Opens the device; cheap, the threads start in the background. */
  constructor({ threads }: CpuOptions = {}) {
    const cores = threads ?? globalThis.navigator?.hardwareConcurrency ?? 1;
    this.#team = new Team(this.#memory, {
      threads: cores,
      allocate: (bytes) => this.#pool.reserve(bytes),
    });
    this.description = `processor, ${cores} thread${cores === 1 ? "" : "s"}`;
  }

  get memory(): MemoryUse {
    return this.#pool.use;
  }

  get counts(): DeviceCounts {
    return {
      launches: this.#launches,
      submits: 0,
      waits: this.#waits,
      blocks: this.#pool.grown,
      bindGroups: 0,
      pipelines: this.#simdKernels.size,
    };
  }

  allocate(bytes: number): Storage {
    return { block: this.#blocksInUse.take(bytes), offset: 0, bytes };
  }

  free(storage: Storage): void {
    this.#blocksInUse.give(storage.block as LinearBlock);
  }

  write(storage: Storage, data: HostArray): void {
    this.#blocksInUse.wrote(
      storage.block as LinearBlock,
      data,
      (data) => this.write(storage, data),
    );
    const { f32, u32 } = this.#views();
    const at = pointerOf(storage) / 4;
    if (data instanceof Float32Array) f32.set(data, at);
    else u32.set(data, at);
  }

  launch<Name extends string, Size extends string>(
    kernel: Kernel<Name, Size>,
    buffers: Readonly<Record<Name, Storage>>,
    sizes: Readonly<Record<Size, number>>,
  ): void {
    checkSizes(kernel, sizes);
    this.#blocksInUse.launched(
      kernel.buffers.map((name) => buffers[name].block as LinearBlock),
      () => this.launch(kernel, buffers, sizes),
    );
    this.#launches += 1;
    const profile = this.#profile;
    const start = profile ? performance.now() : 0;
    if (kernel.simd && (kernel.simd.fits?.(sizes) ?? true)) {
      const pointers = kernel.buffers.map((name) => pointerOf(buffers[name]));
      this.#simdKernels.add(kernel.name);
      this.#team.run(kernel, pointers, sizes);
    } else {
      const views = kernel.buffers.map((name) =>
        [name, this.#view(kernel, name, buffers[name])] as const
      );
      kernel.define(
        Object.fromEntries(views) as Record<Name, NumberArray>,
        sizes,
      );
    }
    profile?.add(kernel.name, performance.now() - start, kernel.cost(sizes));
  }

  capture(run: () => void): Capture {
    return this.#blocksInUse.capture(run);
  }

  submit(): void {}

  // deno-lint-ignore require-await -- the interface of the WebGPU device
  async read(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
    if (this.#closed) {
      throw new DeviceError("Cannot read from the processor: it was closed");
    }
    this.#waits += 1;
    const { u32 } = this.#views();
    return storages.map((storage) => {
      const at = pointerOf(storage) / 4;
      return new Uint32Array(u32.subarray(at, at + storage.bytes / 4)).buffer;
    });
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  trim(): void {
    this.#pool.resetPeak();
  }

  // deno-lint-ignore require-await -- the interface of the WebGPU device
  async profile(run: () => void): Promise<readonly KernelTime[]> {
    const profile = this.#profile = new Profile();
    try {
      run();
    } finally {
      this.#profile = undefined;
    }
    return profile.times;
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#team.close();
  }

  #view(kernel: Kernel, name: string, storage: Storage): NumberArray {
    const { f32, u32 } = this.#views();
    const from = pointerOf(storage) / 4;
    const to = from + storage.bytes / 4;
    const type = kernel.reads[name] ?? kernel.writes[name];
    if (type === "f16") {
      throw new DeviceError(
        `Cannot launch ${kernel.name} on the processor: expected buffers of f32 and u32, got f16 for ${name}; use a WebGPU device that has halves`,
      );
    }
    return type === "u32" ? u32.subarray(from, to) : f32.subarray(from, to);
  }

  /** Views of the whole memory; growing it makes older ones too short. */
  #views(): { f32: Float32Array; u32: Uint32Array } {
    const { buffer } = this.#memory;
    if (this.#bytes?.f32.buffer !== buffer) {
      this.#bytes = {
        f32: new Float32Array(buffer),
        u32: new Uint32Array(buffer),
      };
    }
    return this.#bytes;
  }

  /** Makes the memory reach to an address, for a request of `bytes`. */
  #grow(end: number, bytes: number): void {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      this.#memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      const { liveBytes, heldBytes } = this.memory;
      throw new DeviceError(
        `Cannot allocate ${bytes} bytes on the processor: ${liveBytes} bytes are in use, ${heldBytes} held, and at most ${
          MAX_PAGES * PAGE
        } can be; use a smaller batch, context or model`,
        cause,
      );
    }
  }
}

function pointerOf({ block, offset }: Storage): number {
  return (block as LinearBlock).pointer + offset;
}
