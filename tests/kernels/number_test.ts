import { assertThrows } from "@std/assert";
import { checkNumber, type NumberRange } from "../../kernels/mod.ts";

const CASES: readonly [
  range: NumberRange,
  good: readonly number[],
  bad: readonly number[],
  text: string,
][] = [
  [{}, [0, -1.5, 3e38, -3e38], [NaN, Infinity, -Infinity], "a number"],
  [{ least: 0 }, [0, 1e-300], [-1, NaN, Infinity], "a number >= 0"],
  [{ above: 0 }, [1e-30], [0, -1, NaN, Infinity], "a number > 0"],
  [{ below: 2 }, [1.9, -5], [2, NaN, -Infinity], "a number < 2"],
  [{ most: 2 }, [2, -2], [2.1, NaN], "a number <= 2"],
  [{ least: 0, most: 1 }, [0, 1], [1.1, -0.1, NaN], "a number in [0, 1]"],
  [{ above: 0, most: 1 }, [1], [0, 2], "a number in (0, 1]"],
  [{ least: 0, below: 1 }, [0], [1], "a number in [0, 1)"],
  [{ whole: true }, [0, -7, 2 ** 53 - 1], [0.5, NaN, Infinity], "an integer"],
  [
    { whole: true, least: 1 },
    [1, 2 ** 40],
    [0, -3, 1.5, NaN, Infinity, -Infinity],
    "an integer >= 1",
  ],
  [
    { whole: true, least: 1, most: Infinity },
    [1, Infinity],
    [0, 2.5, NaN, -Infinity],
    "an integer >= 1, or Infinity",
  ],
  [{ whole: true, least: 1, most: 9 }, [9], [10], "an integer in [1, 9]"],
];

for (const [range, good, bad, text] of CASES) {
  Deno.test(`checkNumber() takes ${text}`, () => {
    for (const found of good) checkNumber("use it", found, range);
    for (const found of bad) {
      assertThrows(
        () => checkNumber("use it", found, range),
        RangeError,
        `Cannot use it: expected ${text}, got ${found}`,
      );
    }
  });
}

Deno.test("checkNumber() names the largest number that fits", () => {
  assertThrows(
    () => checkNumber("use it", 1e300, { least: 0 }),
    RangeError,
    "expected a number in [0, 3.4028234663852886e+38], got 1e+300",
  );
  assertThrows(
    () => checkNumber("use it", 2 ** 53, { whole: true, least: 0 }),
    RangeError,
    "expected an integer in [0, 9007199254740991], got 9007199254740992",
  );
});

Deno.test("checkNumber() takes nothing else for a number", () => {
  for (const found of ["1", true, undefined, null, 1n, [1]]) {
    assertThrows(
      () => checkNumber("use it", found as unknown as number, { least: 0 }),
      RangeError,
      "Cannot use it: expected a number >= 0, got",
    );
  }
});
