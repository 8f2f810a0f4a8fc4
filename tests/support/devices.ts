import { assertEquals } from "@std/assert";
import {
  type Device,
  DeviceError,
  openDevice,
  Scope,
} from "../../tensor/mod.ts";

/** Every device of this machine: the processor, and WebGPU where it exists. */
export const devices: readonly Device[] = await openAll();

/** A device that no other test uses, for tensors that are elsewhere. */
export const otherDevice: Device = await openDevice("cpu", { threads: 1 });

async function openAll(): Promise<Device[]> {
  const cpu = await openDevice("cpu", { threads: 2 });
  try {
    return [cpu, await openDevice("webgpu")];
  } catch (error) {
    const required = Deno.env.get("CLUB_REQUIRE_WEBGPU") === "1";
    if (required || !(error instanceof DeviceError)) throw error;
    return [cpu];
  }
}

/** Options of {@linkcode deviceTest}. */
export interface DeviceTestOptions {
  /** Whether it needs buffers of f16, which only some GPUs have. */
  readonly halves?: boolean;
}

/**
 * Registers a test on every device. It runs in a scope, and fails when memory
 * stays taken after it.
 */
export function deviceTest(
  name: string,
  run: (device: Device) => void | Promise<void>,
  { halves = false }: DeviceTestOptions = {},
): void {
  for (const device of devices) {
    if (halves && device.kind === "cpu") continue;
    const ignore = halves && !device.halves;
    Deno.test(`${name} [${device.kind}]`, { ignore }, async () => {
      const { liveBlocks } = device.memory;
      {
        using _scope = new Scope();
        await run(device);
      }
      assertEquals(device.memory.liveBlocks, liveBlocks, "memory leaked");
    });
  }
}
