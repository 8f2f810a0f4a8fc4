import { assertEquals } from "@std/assert";
import { narrowKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { formsTest } from "../support/forms.ts";

/** f32 numbers beside the f16 that they become. */
const CASES = [
  [1 / 3, 0.333251953125],
  [-0, -0],
  // Halfway between neighbours, and a little more: ties go to even.
  [1 + 2 ** -11, 1],
  [1 + 3 * 2 ** -11, 1 + 2 ** -9],
  [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
  [-2049, -2048],
  // The largest, and what is beyond it.
  [65504, 65504],
  [65519.99609375, 65504],
  [65520, Infinity],
  [-1e10, -Infinity],
  [Infinity, Infinity],
  // Subnormals, ties among them, and what is too small.
  [2 ** -14 - 2 ** -24, 2 ** -14 - 2 ** -24],
  [3 * 2 ** -25, 2 ** -23],
  [-(2 ** -25), -0],
  [2 ** -25 + 2 ** -40, 2 ** -24],
  [1e-40, 0],
] as const;

/** Bits of the right column, in which -0 is not 0. */
const ROUNDED = new Uint16Array(Float16Array.from(CASES, ([, y]) => y).buffer);

formsTest(
  narrowKernel,
  [{ buffers: { x: 1024, out: 1024 }, sizes: { length: 1000 } }],
  EXACT,
);

deviceTest(
  "narrowKernel rounds to nearest, ties to even",
  async (device) => {
    const length = CASES.length;
    const [x, out] = [device.allocate(4 * length), device.allocate(2 * length)];
    device.write(x, Float32Array.from(CASES, ([x]) => x));
    device.launch(narrowKernel, { x, out }, { length });
    const [bytes] = await device.read([out]);
    for (const storage of [x, out]) device.free(storage);
    assertEquals(new Uint16Array(bytes!), ROUNDED);
  },
  { halves: true },
);

Deno.test("narrowKernel defines what it rounds to", () => {
  const x = Float64Array.from(CASES, ([x]) => x);
  const out = new Float64Array(x.length);
  narrowKernel.define({ x, out }, { length: x.length });
  assertEquals(new Uint16Array(Float16Array.from(out).buffer), ROUNDED);
});
