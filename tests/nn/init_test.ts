import {
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertThrows,
} from "@std/assert";
import { filled, truncatedNormal, undrawn } from "../../nn/mod.ts";
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

Deno.test("undrawn() leaves what is drawn at 0, and the rest as it is", () => {
  const rng = new Rng(1);
  const drawn = undrawn(() => {
    const outer = truncatedNormal([2], 1, rng);
    const inner = undrawn(() => truncatedNormal([1], 1, rng));
    const after = truncatedNormal([1], 1, rng);
    return [outer, inner, after, filled([1], 4)];
  });
  assertEquals(drawn.flatMap(({ initial }) => [...initial]), [0, 0, 0, 0, 4]);
  const { initial } = truncatedNormal([8], 1, rng);
  assertEquals(initial, truncatedNormal([8], 1, new Rng(1)).initial);
  assertThrows(() =>
    undrawn(() => {
      throw new RangeError("no such module");
    }), RangeError);
  assertEquals(truncatedNormal([8], 1, new Rng(1)).initial, initial);
});

Deno.test("filled() has one value everywhere", () => {
  assertEquals([...filled([2, 2], -3).initial], [-3, -3, -3, -3]);
});
