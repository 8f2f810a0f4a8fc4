import { assertAlmostEquals } from "@std/assert";
import type { NumberArray } from "../../kernels/mod.ts";
import { Draw, forAll } from "../support/for_all.ts";
import {
  type AttentionCase,
  drawCase,
  expectedOf,
  randomEnds,
} from "./attention_case.ts";

/** Step of the central differences, in float64. */
const STEP = 1e-5;

function inner(a: NumberArray, b: NumberArray): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

Deno.test("attentionGradQKernel() and attentionGradKvKernel() define the gradient", () => {
  const draw = (rng: Draw): AttentionCase => {
    const [queries, keys] = [rng.integer(1, 9), rng.integer(1, 9)];
    const ends = randomEnds(rng, queries, keys);
    const [heads, headWidth] = [rng.integer(1, 4), rng.integer(1, 6)];
    return { ends, keys, heads, headWidth };
  };
  forAll(draw, (spec) => {
    const numbers = drawCase(spec);
    const { dq, dkv } = expectedOf(spec, numbers);
    for (const [name, gradient] of [["q", dq], ["kv", dkv]] as const) {
      const rng = new Draw(1);
      const direction = gradient.map(() => 2 * rng.uniform() - 1);
      const loss = (by: number): number => {
        const at = Float64Array.from(
          numbers[name],
          (x, i) => x + by * direction[i]!,
        );
        return inner(
          numbers.g,
          expectedOf(spec, { ...numbers, [name]: at }).out,
        );
      };
      const slope = (loss(STEP) - loss(-STEP)) / (2 * STEP);
      assertAlmostEquals(inner(gradient, direction), slope, 1e-7);
    }
  });
});
