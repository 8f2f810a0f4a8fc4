import * as asserts from "@std/assert";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

/** The text of the `AssertionError` that `fn` must throw. */
function failure(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error("the assertion held, and should not");
}

Deno.test("assertEquals() holds for alike values", () => {
  const circle: Record<string, unknown> = { a: [1] };
  circle["self"] = circle;
  const other: Record<string, unknown> = { a: [1] };
  other["self"] = other;
  const pairs: [unknown, unknown][] = [
    [1, 1],
    [NaN, NaN],
    [0, -0],
    ["é", "é"],
    [undefined, undefined],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
    [new Float32Array([1, NaN]), new Float32Array([1, NaN])],
    [new Uint8Array([9, 1, 2]).subarray(1), new Uint8Array([1, 2])],
    [new Uint8Array([1]).buffer, new Uint8Array([1]).buffer],
    [new Map([["a", [1]]]), new Map([["a", [1]]])],
    [new Set([[1], [2]]), new Set([[2], [1]])],
    [new Date(5), new Date(5)],
    [/a/g, /a/g],
    [new TypeError("a"), new TypeError("a")],
    [/(?<x>a)/.exec("a")?.groups, { x: "a" }],
    [circle, other],
  ];
  for (const [a, b] of pairs) {
    assertEquals(a, b);
    failure(() => assertNotEquals(a, b));
  }
});

Deno.test("assertEquals() fails for other values", () => {
  const pairs: [unknown, unknown][] = [
    [1, 2],
    [1, "1"],
    [1n, 1],
    [null, undefined],
    [[1, 2], [1]],
    [[1], { 0: 1 }],
    [{ a: undefined }, {}],
    [{ a: undefined }, { b: undefined }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [new Float32Array([1]), new Float64Array([1])],
    [new Float32Array([1, 2]), new Float32Array([1, 3])],
    [new Uint8Array([1]), new Uint8Array([1, 2])],
    [new Uint8Array([1]).buffer, new Uint8Array([2]).buffer],
    [new DataView(new ArrayBuffer(1)), new DataView(new ArrayBuffer(2))],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Map([["a", 1]]), new Map([["b", 1]])],
    [new Set([1]), new Set([2])],
    [new Date(5), new Date(6)],
    [/a/g, /a/],
    [new TypeError("a"), new RangeError("a")],
    [new Error("a"), new Error("b")],
    [() => 1, () => 1],
  ];
  for (const [a, b] of pairs) {
    assertNotEquals(a, b);
    failure(() => assertEquals(a, b));
  }
});

Deno.test("assertEquals() shows only where values differ", () => {
  const actual = new Float32Array(1000);
  actual[500] = 7;
  const message = failure(() =>
    assertEquals(actual, new Float32Array(1000), "two arrays")
  );
  assertStringIncludes(message, "Values are not equal: two arrays");
  assertStringIncludes(message, "-     7,\n+     0,\n");
  assert(message.split("\n").length < 15, message);
});

Deno.test("assertAlmostEquals() counts the tolerance itself as close", () => {
  assertAlmostEquals(1, 1.5, 0.5);
  assertAlmostEquals(1e9, 1e9 + 50);
  assertAlmostEquals(NaN, NaN);
  assertAlmostEquals(Infinity, Infinity);
  const apart: [number, number][] = [[1, 1.001], [NaN, 1], [1, NaN], [0, 1e-9]];
  for (const [a, b] of apart) failure(() => assertAlmostEquals(a, b));
  failure(() => assertAlmostEquals(1, Infinity));
  failure(() => assertAlmostEquals(1, 1.6, 0.5));
});

Deno.test("assertThrows() checks class and message and returns the error", () => {
  const thrown = new RangeError("out of range");
  const fn = (): never => {
    throw thrown;
  };
  assert(assertThrows(fn) === thrown);
  assert(assertThrows(fn, RangeError, "out of") === thrown);
  assert(assertThrows(fn, Error) === thrown);
  failure(() => assertThrows(fn, TypeError));
  failure(() => assertThrows(fn, RangeError, "in range"));
  const message = failure(() => assertThrows(() => 1, Error, "", "why"));
  assertStringIncludes(message, "Expected function to throw: why");
});

Deno.test("assertRejects() wants a rejection, not a throw", async () => {
  const reject = (): Promise<never> => Promise.reject(new RangeError("late"));
  const error = await assertRejects(reject, RangeError, "late");
  assertEquals(error.message, "late");
  await assertRejects(reject);
  const wrong: (() => Promise<unknown>)[] = [
    () => assertRejects(reject, TypeError),
    () => assertRejects(reject, RangeError, "early"),
    () => assertRejects(() => Promise.resolve(1)),
    () =>
      assertRejects(() => {
        throw new Error("now");
      }),
  ];
  for (const fn of wrong) {
    const result = await fn().then(() => "held", (e: unknown) => e);
    assert(result instanceof AssertionError, String(result));
  }
});

Deno.test("one-line assertions hold and fail as their names say", () => {
  const held: [() => void, () => void][] = [
    [() => asserts.assert(1), () => asserts.assert(0, "zero")],
    [
      () => asserts.assertStrictEquals(NaN, NaN),
      () => asserts.assertStrictEquals<unknown>({}, {}),
    ],
    [
      () => asserts.assertStrictEquals(0, 0),
      () => asserts.assertStrictEquals(0, -0),
    ],
    [
      () => asserts.assertInstanceOf(new TypeError(), Error),
      () => asserts.assertInstanceOf(new Error(), TypeError),
    ],
    [
      () => asserts.assertStringIncludes("abc", "bc"),
      () => asserts.assertStringIncludes("abc", "ac"),
    ],
    [
      () => asserts.assertMatch("abc", /B/i),
      () => asserts.assertMatch("abc", /B/),
    ],
    [() => asserts.assertExists(0), () => asserts.assertExists(null)],
    [() => asserts.assertGreater(2, 1), () => asserts.assertGreater(1, 1)],
    [
      () => asserts.assertGreaterOrEqual(1, 1),
      () => asserts.assertGreaterOrEqual(0, 1),
    ],
    [() => asserts.assertLess(1, 2), () => asserts.assertLess(1, 1)],
    [
      () => asserts.assertLessOrEqual(1, 1),
      () => asserts.assertLessOrEqual(1, NaN),
    ],
    [
      () => asserts.assertIsError(new Error("abc"), Error, /b/),
      () => asserts.assertIsError("abc"),
    ],
    [() => {}, () => asserts.fail()],
  ];
  for (const [holds, fails] of held) {
    holds();
    failure(fails);
  }
});
