import { CpuDevice, type CpuOptions } from "./cpu_device.ts";
import type { Device } from "./device.ts";
import { DeviceError } from "./errors.ts";
import { checkNumber } from "./number.ts";
import {
  deviceClass,
  WebgpuDevice,
  type WebgpuOptions,
} from "./webgpu_device.ts";

const CHOICES: readonly DeviceChoice[] = ["auto", "webgpu", "cpu"];

/** Devices that a user may ask for. */
export type DeviceChoice = "auto" | "webgpu" | "cpu";

/** Most threads of the processor's device. */
const MOST_THREADS = 1024;

/** Options of {@linkcode openDevice}. */
export interface OpenOptions extends CpuOptions, WebgpuOptions {}

/**
 * Opens a device.
 *
 * `"auto"` takes WebGPU when an adapter exists and is real hardware, and the
 * processor otherwise: a software adapter is slower than it. `"webgpu"` takes
 * any adapter and rejects with a `DeviceError` when there is none. Rejects with a
 * `RangeError` for another choice, or threads that are no number from 1 to 1024.
 */
export async function openDevice(
  choice: DeviceChoice = "auto",
  options: OpenOptions = {},
): Promise<Device> {
  if (!CHOICES.includes(choice)) {
    throw new RangeError(
      `Cannot open a device: expected ${CHOICES.join(", ")}, got ${choice}`,
    );
  }
  const { threads } = options;
  if (threads !== undefined) {
    const team = { whole: true, least: 1, most: MOST_THREADS };
    checkNumber("open a device with threads", threads, team);
  }
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
