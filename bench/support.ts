import type { Device, HostArray, Kernel, NumberArray } from "../kernels/mod.ts";
import { DeviceError, openDevice } from "../kernels/mod.ts";
import { Scope } from "../tensor/mod.ts";

/** Devices of this machine: the processor, and WebGPU where it exists. */
export const devices: readonly Device[] = await openAll();

async function openAll(): Promise<Device[]> {
  const cpu = await openDevice("cpu");
  try {
    return [cpu, await openDevice("webgpu")];
  } catch (error) {
    if (error instanceof DeviceError) return [cpu];
    throw error;
  }
}

/** One kernel with all that a launch needs. */
export interface KernelBench<Name extends string, Size extends string> {
  /** What is measured. */
  readonly kernel: Kernel<Name, Size>;
  /** Sizes of a launch. */
  readonly sizes: Readonly<Record<Size, number>>;
  /** Contents of all buffers before the first launch. */
  readonly buffers: Readonly<Record<Name, HostArray>>;
  /** Launches in one iteration, between two waits; default 10. */
  readonly launches?: number;
}

/**
 * Registers a group: the kernel on each device against its plain loops, which
 * are the baseline. The group's name tells the work of one iteration.
 */
export function benchKernel<Name extends string, Size extends string>(
  { kernel, sizes, buffers, launches = 10 }: KernelBench<Name, Size>,
): void {
  const { flops, bytes } = kernel.cost(sizes);
  const shape = kernel.sizes.map((name) => `${name} ${sizes[name]}`).join(" ");
  const group = `${kernel.name} ${shape}, ${launches} launches (${
    (launches * flops / 1e9).toPrecision(3)
  } GFLOP, ${(launches * bytes / 1e6).toPrecision(3)} MB)`;
  Deno.bench({
    name: "plain loops",
    group,
    baseline: true,
    n: 3,
    warmup: 1,
    fn(): void {
      const arrays: Readonly<Record<Name, NumberArray>> = buffers;
      for (let i = 0; i < launches; i++) kernel.define(arrays, sizes);
    },
  });
  for (const device of devices) {
    const storages = Object.fromEntries(
      Object.entries<HostArray>(buffers).map(([name, data]) => {
        const storage = device.allocate(data.byteLength);
        device.write(storage, data);
        return [name, storage];
      }),
    ) as Record<Name, ReturnType<Device["allocate"]>>;
    Deno.bench({
      name: device.kind,
      group,
      async fn(): Promise<void> {
        for (let i = 0; i < launches; i++) {
          device.launch(kernel, storages, sizes);
        }
        await device.idle();
      },
    });
  }
}

/** Several ways to do the same on tensors; the first one is the baseline. */
export interface OperationBench {
  /** What is done, with the work of one iteration. */
  readonly group: string;
  /** Makes the inputs on a device and tells how to do it once. */
  readonly variants: Readonly<Record<string, (device: Device) => () => void>>;
  /** Times in one iteration, between two waits; default 1. */
  readonly times?: number;
}

/** Registers a group for each device: the variants, by name. */
export function benchOperation(
  { group, variants, times = 1 }: OperationBench,
): void {
  for (const device of devices) {
    for (const [i, [name, prepare]] of Object.entries(variants).entries()) {
      const run = prepare(device);
      Deno.bench({
        name: `${name}, ${device.kind}`,
        group: `${group}, ${device.kind}`,
        baseline: i === 0,
        async fn(): Promise<void> {
          for (let i = 0; i < times; i++) {
            using _scope = new Scope();
            run();
          }
          await device.idle();
        },
      });
    }
  }
}

/** Numbers between -1 and 1, the same each time. */
export function numbers(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898));
}

/** Indices below `count`, in no order. */
export function indices(length: number, count: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i * 7919 % count);
}
