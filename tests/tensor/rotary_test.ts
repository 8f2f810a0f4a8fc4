import { assertEquals, assertThrows } from "@std/assert";
import { rotaryAngles, rotaryTable } from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";

deviceTest(
  "rotaryTable() holds cosine and sine of every angle",
  async (device) => {
    const options = { positions: 3, headWidth: 4, theta: 100 };
    const angles = [0, 0, 1, 0.1, 2, 0.2];
    const expected = angles.flatMap((a) => [Math.cos(a), Math.sin(a)]);
    const table = await rotaryTable(device, options).data();
    assertClose(table, expected, ELEMENTWISE);
  },
);

deviceTest("rotaryTable() is exact far from the start", async (device) => {
  const options = { positions: 100_001, headWidth: 2, theta: 1e4 };
  const table = await rotaryTable(device, options).data();
  const last = table.subarray(-2);
  assertClose(last, [Math.cos(1e5), Math.sin(1e5)], ELEMENTWISE);
});

Deno.test("rotaryAngles() gives rows of the table from any position on", () => {
  const options = { headWidth: 6, theta: 100 };
  const whole = rotaryAngles(0, 40, options);
  assertEquals(rotaryAngles(37, 3, options), whole.subarray(37 * 6));
  assertEquals(rotaryAngles(5, 0, options).length, 0);
});

Deno.test("rotaryTable() needs pairs", () => {
  const options = { positions: 3, headWidth: 3, theta: 1e4 };
  assertThrows(
    () => rotaryTable(devices[0]!, options),
    RangeError,
    "expected an even head width, got 3",
  );
});
