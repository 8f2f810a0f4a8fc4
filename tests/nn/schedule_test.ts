import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { learningRate, type Schedule } from "../../nn/schedule.ts";

function assertRates(
  schedule: Schedule,
  expected: Record<number, number>,
): void {
  for (const [step, rate] of Object.entries(expected)) {
    assertAlmostEquals(learningRate(schedule, Number(step)), rate, 1e-15);
  }
}

Deno.test("learningRate() warms up linearly and stays at the peak", () => {
  const schedule: Schedule = { kind: "constant", peak: 0.8, warmupSteps: 4 };
  assertRates(schedule, { 0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 0.8, 99999: 0.8 });
  assertRates({ ...schedule, warmupSteps: 0 }, { 0: 0.8, 1: 0.8 });
  assertRates({ ...schedule, warmupSteps: 1 }, { 0: 0.8, 1: 0.8 });
});

Deno.test("learningRate() falls by half a cosine to the final fraction", () => {
  const schedule: Schedule = {
    kind: "cosine",
    peak: 2,
    warmupSteps: 2,
    totalSteps: 8,
    finalFraction: 0.1,
  };
  assertRates(schedule, {
    0: 1,
    1: 2,
    2: 2,
    4: 0.2 + 1.8 * 0.75, // cos 60 degrees = 1/2
    5: 0.2 + 1.8 * 0.5,
    6: 0.2 + 1.8 * 0.25,
    8: 0.2,
    11: 0.2,
  });
  assertRates({ ...schedule, warmupSteps: 0, finalFraction: 0 }, {
    0: 2,
    2: 1 + Math.SQRT1_2,
    4: 1,
    8: 0,
  });
});

Deno.test("learningRate() cools down linearly to 0", () => {
  const schedule: Schedule = {
    kind: "trapezoid",
    peak: 4,
    warmupSteps: 2,
    totalSteps: 10,
    cooldownSteps: 4,
  };
  assertRates(schedule, {
    0: 2,
    1: 4,
    6: 4,
    7: 3,
    8: 2,
    9: 1,
    10: 0,
    11: 0,
  });
  assertRates({ ...schedule, totalSteps: 6 }, { 0: 2, 1: 4, 2: 4, 3: 3, 6: 0 });
});

Deno.test("learningRate() names what is impossible", () => {
  const ramp = { peak: 1, warmupSteps: 3 } as const;
  const cosine = {
    ...ramp,
    kind: "cosine",
    totalSteps: 9,
    finalFraction: 0,
  } as const;
  const trapezoid = {
    ...ramp,
    kind: "trapezoid",
    totalSteps: 9,
    cooldownSteps: 6,
  } as const;
  const constant = { ...ramp, kind: "constant" } as const;
  const cases: [Schedule, number, string][] = [
    [constant, -1, "step: expected an integer >= 0, got -1"],
    [constant, 0.5, "step: expected an integer >= 0, got 0.5"],
    [{ ...constant, peak: -1 }, 0, "peak: expected a number >= 0, got -1"],
    [{ ...constant, peak: NaN }, 0, "peak"],
    [{ ...constant, peak: Infinity }, 0, "peak"],
    [{ ...constant, warmupSteps: -1 }, 0, "warmupSteps"],
    [{ ...cosine, totalSteps: 3 }, 0, "totalSteps: expected more than warmup"],
    [{ ...cosine, totalSteps: NaN }, 0, "totalSteps"],
    [{ ...cosine, finalFraction: 1.1 }, 0, "finalFraction"],
    [{ ...cosine, finalFraction: -0.1 }, 0, "finalFraction"],
    [{ ...trapezoid, cooldownSteps: 0 }, 0, "cooldownSteps"],
    [{ ...trapezoid, totalSteps: 8 }, 0, "totalSteps: expected both ramps"],
  ];
  for (const [schedule, step, message] of cases) {
    assertThrows(
      () => learningRate(schedule, step),
      RangeError,
      `Cannot schedule ${message}`,
    );
  }
  assertEquals(learningRate(trapezoid, 3), 1);
});
