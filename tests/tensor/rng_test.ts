import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { threefry2x32 } from "../../kernels/threefry.ts";
import { Rng } from "../../tensor/rng.ts";

const DRAWS = 100_000;

function draw<T>(count: number, next: () => T): T[] {
  return Array.from({ length: count }, next);
}

/** Mean of x^power. */
function moment(values: ArrayLike<number>, power: number): number {
  return Array.from(values, (x) => x ** power).reduce((a, b) => a + b) /
    values.length;
}

/** Asserts that mean and mean square are within 5 standard errors. */
function assertMoments(
  values: ArrayLike<number>,
  mean: number,
  square: number,
): void {
  for (const [power, expected] of [[1, mean], [2, square]] as const) {
    const spread = Math.sqrt(moment(values, 2 * power) - expected ** 2);
    const tolerance = 5 * spread / Math.sqrt(values.length);
    assertAlmostEquals(moment(values, power), expected, tolerance);
  }
}

Deno.test("Rng draws Threefry of its seed and of the draw's number", () => {
  const rng = Rng.restore({ ...new Rng(-5).state, counter: 2 ** 32 + 7 });
  const words = new Uint32Array(2);
  // -5 in two's complement; counters run low word first.
  threefry2x32(0xffffffff, 0xfffffffb, 7, 1, words);
  assertEquals(rng.uniform(), Math.floor(words[0]! / 256) / 2 ** 24);
  assertEquals(rng.state.counter, 2 ** 32 + 8);
});

Deno.test("Rng takes safe integers only as seeds", () => {
  for (const seed of [0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => new Rng(seed),
      RangeError,
      `Cannot seed Rng: expected a safe integer, got ${seed}`,
    );
  }
  const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
  const firsts = seeds.map((seed) => new Rng(seed).uniform());
  assertEquals(new Set(firsts).size, seeds.length);
});

Deno.test("Rng.restore() continues where the state was taken", () => {
  const rng = new Rng(2 ** 40 + 3).split("weights");
  draw(11, () => rng.truncatedNormal());
  const saved = JSON.stringify(rng.state);
  const resumed = Rng.restore(JSON.parse(saved));
  assertEquals(JSON.stringify(rng.state), saved);
  assertEquals(draw(20, () => resumed.normal()), draw(20, () => rng.normal()));
});

Deno.test("Rng.restore() refuses what is not a state", () => {
  const bad: [number, number, number][] = [
    [-1, 0, 0],
    [0, 2 ** 32, 0],
    [0, 0, -1],
    [0, 0, 0.5],
  ];
  for (const [key0, key1, counter] of bad) {
    assertThrows(
      () => Rng.restore({ key: [key0, key1], counter }),
      RangeError,
      "Cannot restore Rng",
    );
  }
});

Deno.test("Rng.split() depends on path and seed, not on what was drawn", () => {
  const rng = new Rng(1);
  const before = rng.split("a").uniform();
  rng.normal();
  assertEquals(rng.split("a").uniform(), before);
  assertEquals(rng.split(12).uniform(), rng.split("12").uniform());

  const streams = [
    rng,
    new Rng(2).split("a"),
    rng.split("").split(""),
    ...["", "a", "b", "ab", "ba", "\0", "a\0", 0, -1, 1].map((name) =>
      rng.split(name)
    ),
    rng.split("a").split("b"),
  ];
  const firsts = streams.map((stream) => stream.uniform());
  assertEquals(new Set(firsts).size, streams.length);
});

Deno.test("Rng.split() makes no key from words that are drawn", () => {
  const words = new Uint32Array(2);
  threefry2x32(0, 1, 0, 0, words);
  assertNotEquals(new Rng(1).split("").state.key, [words[0]!, words[1]!]);
});

Deno.test("Rng.split() gives streams without correlation", () => {
  const [a, b] = [new Rng(1).split(0), new Rng(1).split(1)];
  const products = draw(DRAWS, () => a.normal() * b.normal());
  assertMoments(products, 0, 1);
});

Deno.test("Rng.uniform() fills [0, 1) evenly and is exact as f32", () => {
  const rng = new Rng(3);
  const values = draw(DRAWS, () => rng.uniform());
  assert(values.every((x) => x >= 0 && x < 1 && x === Math.fround(x)));
  assertMoments(values, 1 / 2, 1 / 3);
  const products = values.slice(1).map((x, i) => x * values[i]!);
  assertAlmostEquals(moment(products, 1), 1 / 4, 0.004);
});

Deno.test("Rng.integer() gives each value below n equally often", () => {
  const rng = new Rng(4);
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < DRAWS; i++) counts[rng.integer(7)]! += 1;
  const expected = DRAWS / 7;
  const chiSquare = counts.reduce((s, c) => s + (c - expected) ** 2, 0) /
    expected;
  assert(chiSquare < 22.5, `chi-square ${chiSquare}`); // 0.1 % at 6 degrees
  assertEquals(rng.integer(1), 0);
});

Deno.test("Rng.integer() has no bias where the remainder would", () => {
  // n is 2/3 of 2^53: a plain remainder hits its lower half twice as often.
  const n = 6_004_799_503_160_661;
  const rng = new Rng(5);
  const values = draw(10_000, () => rng.integer(n) / n);
  assert(values.every((x) => x >= 0 && x < 1));
  assertMoments(values, 1 / 2, 1 / 3);
});

Deno.test("Rng.integer() refuses an empty or inexact range", () => {
  for (const n of [0, -1, 1.5, NaN, 2 ** 53]) {
    assertThrows(
      () => new Rng(0).integer(n),
      RangeError,
      `expected a safe integer >= 1, got ${n}`,
    );
  }
});

Deno.test("Rng.normal() has the moments of the standard normal", () => {
  const rng = new Rng(6);
  const values = draw(DRAWS, () => rng.normal());
  assertMoments(values, 0, 1);
  assertMoments(values.map((x) => x ** 3), 0, 15);
  const beyond = values.filter((x) => Math.abs(x) > 2).length / DRAWS;
  assertAlmostEquals(beyond, 0.0455, 5 * Math.sqrt(0.0455 / DRAWS));
});

Deno.test("Rng.truncatedNormal() cuts the normal at its limit", () => {
  const rng = new Rng(7);
  const atThree = draw(DRAWS, () => rng.truncatedNormal());
  const atOne = draw(DRAWS, () => rng.truncatedNormal(1));
  const largest = (values: number[]): number =>
    values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  assert(largest(atThree) > 2.9 && largest(atThree) <= 3);
  assert(largest(atOne) > 0.99 && largest(atOne) <= 1);
  // Variances 1 - 2 a phi(a) / (2 Phi(a) - 1).
  assertMoments(atThree, 0, 0.973337);
  assertMoments(atOne, 0, 0.291125);
  for (const limit of [0, 0.5, -3, NaN]) {
    assertThrows(
      () => rng.truncatedNormal(limit),
      RangeError,
      `expected a limit >= 1, got ${limit}`,
    );
  }
});

Deno.test("Rng's fills store scaled draws in order", () => {
  const out = new Float32Array(50);
  const rounded = (next: (rng: Rng) => number): Float32Array => {
    const rng = new Rng(8);
    return out.map(() => next(rng));
  };
  new Rng(8).fillUniform(out, -2, 3);
  assertEquals(out, rounded((rng) => -2 + 5 * rng.uniform()));
  new Rng(8).fillNormal(out, 0.1);
  assertEquals(out, rounded((rng) => 0.1 * rng.normal()));
  new Rng(8).fillTruncatedNormal(out, 0.1);
  assertEquals(out, rounded((rng) => 0.1 * rng.truncatedNormal()));
  const wide = new Float32Array(out);
  new Rng(8).fillTruncatedNormal(out, 0.1, 1);
  assertEquals(out, rounded((rng) => 0.1 * rng.truncatedNormal(1)));
  assertNotEquals(out, wide);
});
