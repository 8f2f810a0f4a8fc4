import { CpuDevice, type CpuOptions } from "./cpu_device.ts";
import type { Device } from "./device.ts";
import { DeviceError } from "./errors.ts";
import {
  deviceClass,
  WebgpuDevice,
  type WebgpuOptions,
} from "./webgpu_device.ts";

/** Devices that a user may ask for. */
export type DeviceChoice = "auto" | "webgpu" | "cpu";

/** Options of {@linkcode openDevice}. */
export interface OpenOptions extends CpuOptions, WebgpuOptions {}

/**
 * Opens a device.
 *
 * `"auto"` takes WebGPU when an adapter exists and is real hardware, and the
 * processor otherwise: a software adapter is slower than it. `"webgpu"` takes
 * any adapter and rejects with a `DeviceError` when there is none.
 */
export async function openDevice(
  choice: DeviceChoice = "auto",
  options: OpenOptions = {},
): Promise<Device> {
  if (choice === "cpu") return new CpuDevice(options);
  const adapter = await globalThis.navigator?.gpu?.requestAdapter({
    powerPreference: "high-performance",
  });
  if (choice === "auto") {
    return adapter && deviceClass(adapter.info) !== "software"
      ? await WebgpuDevice.open(adapter, options)
      : new CpuDevice(options);
  }
  if (!adapter) {
    throw new DeviceError(
      'Cannot open a WebGPU device: no adapter found; install a Vulkan driver (Debian: mesa-vulkan-drivers) or use the device "cpu"',
    );
  }
  return await WebgpuDevice.open(adapter, options);
}
