import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "@std/assert";
import { BOS, encode } from "../../blt/bytes.ts";
import {
  calibrate,
  type CalibrationOptions,
  isReached,
} from "../../blt/calibrate.ts";
import { type PatcherRow, patchStarts } from "../../blt/patchers.ts";
import { patchLengths } from "../../blt/patching.ts";
import { Draw, forAll } from "../support/for_all.ts";

/** Documents of about 100 bytes with entropies that are skewed as real ones. */
function drawRow(rng: Draw): PatcherRow {
  const ids = Array.from(
    { length: rng.integer(10, 30) },
    () => [...encode(new Uint8Array(rng.integer(50, 150)))],
  ).flat();
  return {
    ids: Uint32Array.from(ids),
    entropies: Float32Array.from(ids, () => 5 * rng.uniform() ** 3),
  };
}

const RULES: readonly Omit<CalibrationOptions, "target">[] = [
  { kind: "entropy" },
  { kind: "entropy", maxBytes: 8 },
  { kind: "relative" },
  { kind: "relative", maxBytes: 8 },
];

for (const rule of RULES) {
  const name = JSON.stringify(rule);

  Deno.test(`calibrate() is within 2 % of the target: ${name}`, () => {
    forAll(drawRow, (row) => {
      for (const target of [1.5, 2.98, 4.5, 6]) {
        const { measured } = calibrate(row, { ...rule, target });
        assertLess(Math.abs(measured / target - 1), 0.02);
      }
    }, 20);
  });

  Deno.test(`calibrate() rises with the target: ${name}`, () => {
    forAll(drawRow, (row) => {
      const found = [1.5, 2, 3, 4, 5, 6].map((target) =>
        calibrate(row, { ...rule, target })
      );
      found.slice(1).forEach(({ threshold, measured }, i) => {
        assertGreater(threshold, found[i]!.threshold);
        assertGreater(measured, found[i]!.measured);
      });
    }, 10);
  });

  Deno.test(`calibrate() reports the patches of its threshold: ${name}`, () => {
    forAll(drawRow, (row) => {
      const { threshold, target, measured, histogram } = calibrate(row, {
        ...rule,
        target: 4,
      });
      const lengths = patchLengths(patchStarts(row, { ...rule, threshold }));
      const count = (n: number): number =>
        lengths.filter((l) => l === n).length;
      assertEquals(histogram, histogram.map((_, n) => count(n)));
      assertEquals(histogram.reduce((a, b) => a + b), lengths.length);
      assertGreater(histogram.at(-1)!, 0);
      assertAlmostEquals(measured, row.ids.length / lengths.length, 1e-12);
      assertEquals(target, 4);
    }, 10);
  });
}

Deno.test("calibrate() reaches one byte, all bytes and the mean nearest to the target", () => {
  const ids = encode("sandwich", { eos: false });
  const row = { ids, entropies: Float32Array.from(ids, (id) => id / 100) };
  const one = calibrate(row, { kind: "entropy", target: 1 });
  assertEquals(one.histogram, [0, 9]);
  const all = calibrate(row, { kind: "entropy", target: 4.5 });
  assertEquals(all.histogram, [0, 1, 0, 0, 0, 0, 0, 0, 1]);
  // 9 / 5 is nearer than 9 / 4.
  const near = calibrate(row, { kind: "entropy", target: 1.9 });
  assertEquals(near.measured, 1.8);
});

Deno.test("calibrate() rejects a target below one and an empty row", () => {
  const row = drawRow(new Draw(0));
  for (const target of [0.99, NaN, -1]) {
    assertThrows(
      () => calibrate(row, { kind: "entropy", target }),
      RangeError,
      `the target must be >= 1 byte per patch, got ${target}`,
    );
  }
  const ids = new Uint32Array(0);
  const entropies = new Float32Array(0);
  assertThrows(
    () => calibrate({ ids, entropies }, { kind: "entropy", target: 4 }),
    RangeError,
    "Cannot calibrate a threshold: the row is empty",
  );
});

Deno.test("calibrate() says what can be reached when the target cannot", () => {
  const row = drawRow(new Draw(0));
  assertThrows(
    () => calibrate(row, { kind: "entropy", target: 9, maxBytes: 4 }),
    RangeError,
    "the nearest means that can be reached are 3.86 and 3.87 bytes per patch",
  );
  const ids = Uint32Array.from([BOS, ...Array<number>(98).fill(80)]);
  const entropies = new Float32Array(99).fill(1);
  assertThrows(
    () => calibrate({ ids, entropies }, { kind: "entropy", target: 4 }),
    RangeError,
    "reached are 1.00 and 49.50 bytes per patch, got target 4",
  );
  const nearest = calibrate({ ids, entropies }, {
    kind: "entropy",
    target: 4,
    nearest: true,
  });
  assertEquals([nearest.measured, isReached(nearest, 99)], [1, false]);
  const far = calibrate({ ids, entropies }, {
    kind: "entropy",
    target: 40,
    nearest: true,
  });
  assertEquals([far.measured, isReached(far, 99)], [49.5, true]);
});

Deno.test("calibrate() refuses a longest patch that is none", () => {
  const row = { ids: encode("abc"), entropies: Float32Array.of(1, 2, 3, 2, 1) };
  for (const maxBytes of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => calibrate(row, { kind: "entropy", target: 1.5, maxBytes }),
      RangeError,
      `Cannot calibrate a threshold with maxBytes: expected an integer >= 1, got ${maxBytes}`,
    );
  }
});

/** A row of two scores only: it has `high` + 2 patches, or one for each id. */
function rowOfTwoScores(length: number, high: number): PatcherRow {
  const ids = new Uint32Array(length).fill(80);
  ids[0] = BOS;
  const entropies = new Float32Array(length).fill(1);
  return { ids, entropies: entropies.fill(2, 1, 1 + high) };
}

Deno.test("calibrate() is content within 2 % of the patches, or one", () => {
  const cases: [number, number, number, number][] = [
    // Ids, high scores, targets that are just met and just not.
    [1000, 248, 3.93, 3.91],
    [1000, 248, 4.07, 4.09],
    [9, 1, 2.25, 2.24], // one patch too few
  ];
  for (const [length, high, met, missed] of cases) {
    const row = rowOfTwoScores(length, high);
    const { measured } = calibrate(row, { kind: "entropy", target: met });
    assertEquals(measured, length / (high + 2));
    assertThrows(
      () => calibrate(row, { kind: "entropy", target: missed }),
      RangeError,
      `got target ${missed}`,
    );
  }
});

Deno.test("calibrate() takes a rise for the threshold of rises", () => {
  const ids = new Uint32Array(9).fill(80);
  ids[0] = BOS;
  const entropies = Float32Array.of(1, 1, 4, 4, 4.5, 4.5, 6.5, 6.5, 6.5);
  const options = { kind: "relative", target: 2.25 } as const;
  const { threshold, histogram } = calibrate({ ids, entropies }, options);
  assertEquals(threshold, 0.5);
  assertEquals(histogram, [0, 1, 2, 0, 1]);
});
