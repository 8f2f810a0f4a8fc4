import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { filled, truncatedNormal } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";

Deno.test("truncatedNormal() has its deviation and no outliers", () => {
  const { shape, initial } = truncatedNormal([200, 500], 0.02, new Rng(3));
  assertEquals(shape, [200, 500]);
  const count = initial.length;
  const mean = initial.reduce((sum, x) => sum + x, 0) / count;
  const square = initial.reduce((sum, x) => sum + x * x, 0) / count;
  assertLess(Math.abs(mean), 3 * 0.02 / Math.sqrt(count));
  // Cut at three deviations, a normal distribution keeps 0.9866 of its own.
  assertAlmostEquals(Math.sqrt(square), 0.9866 * 0.02, 0.0002);
  assertLess(Math.max(...initial.map(Math.abs)), 0.06 + 1e-8);
});

Deno.test("truncatedNormal() repeats for the same seed", () => {
  const draw = (seed: number): Float32Array =>
    truncatedNormal([8], 1, new Rng(seed)).initial;
  assertEquals(draw(1), draw(1));
  assertEquals(draw(1).some((x, i) => x !== draw(2)[i]), true);
});

Deno.test("filled() has one value everywhere", () => {
  assertEquals([...filled([2, 2], -3).initial], [-3, -3, -3, -3]);
});
