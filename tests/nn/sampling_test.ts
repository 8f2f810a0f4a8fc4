import { assert, assertEquals, assertThrows } from "@std/assert";
import { sample, type SamplingOptions } from "../../nn/sampling.ts";
import { Rng } from "../../tensor/rng.ts";

/** Logits of given probabilities. */
function logitsOf(probabilities: readonly number[]): Float32Array {
  return Float32Array.from(probabilities, Math.log);
}

/** How often each index is drawn in `draws` calls. */
function counts(
  logits: Float32Array,
  options: SamplingOptions,
  draws: number,
): number[] {
  const rng = new Rng(1);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sample(logits, rng, options)]! += 1;
  return counts;
}

/** Asserts that indices are drawn in proportion to `weights`. */
function assertDistribution(
  logits: Float32Array,
  options: SamplingOptions,
  weights: readonly number[],
): void {
  const draws = 20_000;
  const total = weights.reduce((a, b) => a + b);
  let chiSquare = 0;
  for (const [i, count] of counts(logits, options, draws).entries()) {
    const expected = draws * weights[i]! / total;
    if (expected === 0) assertEquals(count, 0, `index ${i} was cut`);
    else chiSquare += (count - expected) ** 2 / expected;
  }
  // 0.1 % of fair samples are above this at 5 degrees of freedom.
  assert(chiSquare < 20.5, `chi-square ${chiSquare}`);
}

const P = [0.1, 0.4, 0.05, 0.3, 0.1, 0.05];

Deno.test("sample() draws from the softmax of the logits", () => {
  assertDistribution(logitsOf(P), {}, P);
  assertDistribution(logitsOf(P).map((x) => x + 800), {}, P);
});

Deno.test("sample() divides by the temperature", () => {
  assertDistribution(logitsOf(P), { temperature: 0.5 }, P.map((p) => p * p));
  assertDistribution(logitsOf(P), { temperature: 2 }, P.map(Math.sqrt));
});

Deno.test("sample() keeps the top k, of ties the lowest index", () => {
  assertDistribution(logitsOf(P), { topK: 2 }, [0, 0.4, 0, 0.3, 0, 0]);
  assertDistribution(logitsOf(P), { topK: 3 }, [0.1, 0.4, 0, 0.3, 0, 0]);
  assertDistribution(logitsOf(P), { topK: 99 }, P);
});

Deno.test("sample() keeps the smallest set with the mass of top p", () => {
  const logits = logitsOf(P);
  assertDistribution(logits, { topP: 0.39 }, [0, 1, 0, 0, 0, 0]);
  assertDistribution(logits, { topP: 0.41 }, [0, 0.4, 0, 0.3, 0, 0]);
  assertDistribution(logits, { topP: 0.69 }, [0, 0.4, 0, 0.3, 0, 0]);
  assertDistribution(logits, { topP: 0.71 }, [0.1, 0.4, 0, 0.3, 0, 0]);
  assertDistribution(logits, { topP: 1 }, P);
  const halves = Float32Array.of(0, 0);
  assertDistribution(halves, { topP: 0.5 }, [1, 0]);
});

Deno.test("sample() applies forbid, temperature, top k, top p in turn", () => {
  // Left without 1: .3 .1 .1 .05 .05; of its top three .3 is 60 %.
  const options = { forbid: [1], topK: 3, topP: 0.61 };
  assertDistribution(logitsOf(P), options, [0.1, 0, 0, 0.3, 0, 0]);
  assertDistribution(logitsOf(P), { ...options, topP: 0.59 }, [
    0,
    0,
    0,
    1,
    0,
    0,
  ]);
  // Squared, .3 is 9/11 of the top three.
  const cold = { ...options, temperature: 0.5, topP: 0.8 };
  assertDistribution(logitsOf(P), cold, [0, 0, 0, 1, 0, 0]);
});

Deno.test("sample() at temperature 0 takes the first of the largest", () => {
  const rng = {
    uniform(): number {
      throw new Error("greedy choice needs no random number");
    },
  };
  const logits = Float32Array.of(-1, 5, 7, 7, -Infinity);
  assertEquals(sample(logits, rng, { temperature: 0 }), 2);
  assertEquals(sample(logits, rng, { temperature: 0, forbid: [2, 3] }), 1);
});

Deno.test("sample() keeps to the nucleus at the ends of [0, 1)", () => {
  const logits = Float32Array.of(0, -1e30, -Infinity, 0, -3);
  for (const options of [{}, { temperature: 1e-300 }, { topP: 1 }]) {
    const first = sample(logits, { uniform: () => 0 }, options);
    assertEquals(first, 0);
    const last = sample(logits, { uniform: () => 1 - 2 ** -53 }, options);
    assert(logits[last]! > -4);
  }
  assertEquals(sample(Float32Array.of(1, 1), { uniform: () => 0.5 }), 1);
  const nucleus = { topP: 0.4 };
  assertEquals(sample(logits, { uniform: () => 1 - 2 ** -53 }, nucleus), 0);
});

Deno.test("sample() refuses options outside their range", () => {
  const cases: [SamplingOptions, string][] = [
    [{ temperature: -1 }, "temperature: expected a number >= 0, got -1"],
    [{ temperature: NaN }, "temperature"],
    [{ temperature: Infinity }, "temperature"],
    [{ topK: 0 }, "topK: expected an integer >= 1, got 0"],
    [{ topK: 1.5 }, "topK"],
    [{ topP: 0 }, "topP: expected a number in (0, 1], got 0"],
    [{ topP: 1.01 }, "topP"],
    [{ topP: NaN }, "topP"],
    [{ topK: NaN }, "topK"],
    [{ topK: -1 }, "topK"],
    [{ temperature: 1e300 }, "temperature"],
    [{ topP: -0.5 }, "topP"],
  ];
  for (const [options, message] of cases) {
    assertThrows(
      () => sample(Float32Array.of(1, 2), new Rng(0), options),
      RangeError,
      `Cannot sample with ${message}`,
    );
  }
});

Deno.test("sample() refuses logits without a distribution", () => {
  const cases: [number[], string][] = [
    [[0, NaN], "Cannot sample with logit 1: expected less than Infinity"],
    [[Infinity, 0], "Cannot sample with logit 0"],
    [[], "Cannot sample from 0 logits"],
    [[-Infinity, -Infinity], "Cannot sample from 2 logits"],
    [[-Infinity, 3], "neither forbidden nor -Infinity"],
  ];
  for (const [logits, message] of cases) {
    assertThrows(
      () => sample(Float32Array.from(logits), new Rng(0), { forbid: [1] }),
      RangeError,
      message,
    );
  }
});
