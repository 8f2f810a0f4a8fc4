import { assertAlmostEquals, assertGreater } from "@std/assert";
import { Draw } from "../support/for_all.ts";
import { add, mul, Scalar, sum } from "./autodiff64.ts";
import { routesOf, smoothed } from "./routing.ts";
import type { Interval } from "./transformer.ts";
import { lossAndGradients, type Variables, type Weights } from "./weights.ts";

const BYTES = 9;
const DIM = 3;
const GROUPS: readonly Interval[] = [[0, 1], [1, 2], [2, 5], [5, 9]];
const STEP = 1e-5;

function drawn(seed: number, shape: readonly number[]): Weights {
  const draw = new Draw(seed);
  const names = ["router.query.weight", "router.key.weight", "latents", "out"];
  return new Map(names.map((name, i) => {
    const size = shape[i]!;
    const data = Float64Array.from(
      { length: size },
      () => draw.uniform() - 0.5,
    );
    return [name, { shape: [size / DIM, DIM], data }];
  }));
}

/** Something of what patches leave to be read, and the ratio loss. */
function loss(weights: Variables): Scalar {
  const latents = weights("latents");
  const { gates, ratio } = routesOf(latents, weights, { target: 3 });
  const read = smoothed(weights("out"), GROUPS, gates);
  const parts = read.flatMap((row, i) =>
    row.map((value, j) => mul(value, new Scalar(Math.cos(i * DIM + j))))
  );
  return add(sum(parts), ratio);
}

Deno.test("routesOf() and smoothed() have the slopes of central differences", () => {
  const sizes = [DIM ** 2, DIM ** 2, BYTES * DIM, GROUPS.length * DIM];
  for (let seed = 0; seed < 5; seed++) {
    const weights = drawn(seed, sizes);
    const { grads } = lossAndGradients(weights, loss);
    for (const [name, { shape, data }] of weights) {
      const found = grads.get(name)!;
      assertGreater(Math.max(...found.map(Math.abs)), 1e-3);
      for (let i = 0; i < data.length; i++) {
        const nudged = (by: number): number =>
          lossAndGradients(
            new Map(weights).set(name, {
              shape,
              data: data.with(i, data[i]! + by),
            }),
            loss,
          ).loss;
        const slope = (nudged(STEP) - nudged(-STEP)) / (2 * STEP);
        assertAlmostEquals(found[i]!, slope, 1e-7, `${name} ${i}`);
      }
    }
  }
});
