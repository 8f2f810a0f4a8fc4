import { assertAlmostEquals, assertEquals } from "@std/assert";
import { swigluGradKernel, swigluKernel } from "../../kernels/swiglu.ts";

const sizes = { rows: 2, width: 3 };
const x = Float64Array.from({ length: 12 }, (_, i) => Math.sin(3 * i));
const g = Float64Array.of(1, -0.5, 2, 0.25, -1, 3);

function loss(x: Float64Array): number {
  const out = new Float64Array(6);
  swigluKernel.define({ x, out }, sizes);
  return out.reduce((sum, y, i) => sum + y * g[i]!, 0);
}

Deno.test("swigluKernel gates the second half of a row by the first", () => {
  const out = new Float64Array(6);
  swigluKernel.define({ x, out }, sizes);
  const expected = [0, 1, 2, 6, 7, 8].map((at) =>
    x[at]! / (1 + Math.exp(-x[at]!)) * x[at + 3]!
  );
  assertEquals([...out], expected);
});

Deno.test("swigluGradKernel is its derivative", () => {
  const dx = new Float64Array(12);
  swigluGradKernel.define({ g, x, dx }, sizes);
  const h = 1e-5;
  for (const [i, found] of dx.entries()) {
    const slope = (loss(x.with(i, x[i]! + h)) - loss(x.with(i, x[i]! - h))) /
      (2 * h);
    assertAlmostEquals(found, slope, 1e-9);
  }
});
