import type { DeviceClass, Kernel } from "./kernel.ts";
import type { Block, MemoryUse } from "./pool.ts";
import type { KernelTime } from "./profile.ts";

/** A range of device memory. Only this folder looks inside. */
export interface Storage {
  /** Block that holds the range. */
  readonly block: Block;
  /** First byte inside the block, a multiple of 256. */
  readonly offset: number;
  /** Size in bytes. */
  readonly bytes: number;
}

/** What a device has done since it was opened. */
export interface DeviceCounts {
  /** Kernels launched. */
  readonly launches: number;
  /** Command lists handed to the GPU; 0 on the processor. */
  readonly submits: number;
  /** Times the host waited for the device. */
  readonly waits: number;
  /** Blocks for which new memory was needed. */
  readonly blocks: number;
  /** Bind groups created; 0 on the processor. */
  readonly bindGroups: number;
  /** Pipelines or fast kernels compiled. */
  readonly pipelines: number;
}

/** Numbers that travel between host and device. */
export type HostArray = Float32Array | Uint32Array;

/** Launches that can be repeated; disposing it gives their memory back. */
export interface Capture extends Disposable {
  /**
   * Repeats the launches on the same memory and with the same sizes; never
   * waits. Throws a `DeviceError` when memory they use was freed.
   */
  replay(): void;
}

/** A machine that holds memory and runs kernels on it. */
export interface Device extends Disposable {
  /** Which implementation this is. */
  readonly kind: "webgpu" | "cpu";
  /** Kind of machine, which decides how kernels run; the CPU is software. */
  readonly class: DeviceClass;
  /** Name of adapter and driver, or of the processor and its threads. */
  readonly description: string;
  /** Whether its kernels may use buffers of f16. */
  readonly halves: boolean;
  /** Memory in use. */
  readonly memory: MemoryUse;
  /** What was done so far. */
  readonly counts: DeviceCounts;

  /** Memory for `bytes` bytes. Throws a `DeviceError` when there is none. */
  allocate(bytes: number): Storage;
  /** Gives memory back that `allocate` returned. */
  free(storage: Storage): void;
  /** Copies host data to the front of `storage`, in order with launches. */
  write(storage: Storage, data: HostArray): void;
  /** Runs a kernel on one storage per buffer name, in order of the calls. */
  launch<Name extends string, Size extends string>(
    kernel: Kernel<Name, Size>,
    buffers: Readonly<Record<Name, Storage>>,
    sizes: Readonly<Record<Size, number>>,
  ): void;
  /**
   * Calls `run`, which must not wait, and keeps its launches to repeat them
   * without the work of finding them: a step whose shapes repeat.
   *
   * What lasts or changes from step to step must be in memory from before the
   * run. What the run writes there is not written again: that is the caller's,
   * before each repetition. Memory taken in the run serves nothing else until
   * the capture is disposed. Throws an `Error` inside another capture.
   */
  capture(run: () => void): Capture;
  /** Hands what was launched so far to the machine; never waits. */
  submit(): void;
  /**
   * Copies to the host, after all that was launched. One wait for all.
   * Rejects with a `DeviceError` when a kernel was rejected or the device lost.
   */
  read(storages: readonly Storage[]): Promise<ArrayBuffer[]>;
  /** Resolves when all that was launched is done; rejects like `read`. */
  idle(): Promise<void>;
  /** Returns free memory to the platform and restarts the peak measurement. */
  trim(): void;
  /** Time per kernel while `run` is launching; waits before and after. */
  profile(run: () => void): Promise<readonly KernelTime[]>;
}

/** Whether two ranges have memory in common. */
export function overlap(a: Storage, b: Storage): boolean {
  return a.block === b.block && a.offset < b.offset + b.bytes &&
    b.offset < a.offset + a.bytes;
}

/** Part of `storage`; both offsets in bytes, `offset` a multiple of 256. */
export function slice(
  storage: Storage,
  offset: number,
  bytes: number,
): Storage {
  if (offset % 256 !== 0 || offset + bytes > storage.bytes) {
    throw new RangeError(
      `Cannot slice ${storage.bytes} bytes: expected a range inside at a multiple of 256, got ${bytes} at ${offset}`,
    );
  }
  return { block: storage.block, offset: storage.offset + offset, bytes };
}
