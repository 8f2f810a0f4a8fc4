import { assertEquals, assertThrows } from "@std/assert";
import { slice } from "../../kernels/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("slice() is a part of a storage", async (device) => {
  const whole = device.allocate(600);
  device.write(whole, Float32Array.from({ length: 150 }, (_, i) => i));
  const part = slice(slice(whole, 256, 344), 256, 12);
  const [bytes] = await device.read([part]);
  assertEquals([...new Float32Array(bytes!)], [128, 129, 130]);
  device.write(part, Float32Array.of(-1));
  const [all] = await device.read([whole]);
  assertEquals([...new Float32Array(all!).subarray(127, 130)], [127, -1, 129]);
  device.free(whole);
});

deviceTest("slice() refuses what no device can bind", (device) => {
  const whole = device.allocate(600);
  for (const [offset, bytes] of [[4, 4], [0, 604], [512, 92]] as const) {
    assertThrows(
      () => slice(whole, offset, bytes),
      RangeError,
      `Cannot slice 600 bytes: expected a range inside at a multiple of 256, got ${bytes} at ${offset}`,
    );
  }
  device.free(whole);
});
