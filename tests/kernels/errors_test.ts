import { assertEquals } from "@std/assert";
import { DeviceError } from "../../kernels/mod.ts";

Deno.test("DeviceError carries what the platform reported, if it did", () => {
  const cause = new RangeError("out of pages");
  const error = new DeviceError("Cannot allocate 8 bytes", cause);
  assertEquals(error.name, "DeviceError");
  assertEquals(error.message, "Cannot allocate 8 bytes");
  assertEquals(error.cause, cause);
  assertEquals("cause" in new DeviceError("Cannot open"), false);
});
