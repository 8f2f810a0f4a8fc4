/**
 * The part of `@std/assert` that our tests call, with the same names, arguments
 * and meaning, for machines that do not reach JSR. Without `links` in
 * `deno.json` the package itself is used.
 *
 * @module
 */
import { diff, show } from "./diff.ts";
import { equal } from "./equal.ts";

/** Class of an error, as `assertThrows` and `assertInstanceOf` take it. */
export type AnyConstructor<T> = abstract new (...args: never[]) => T;

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  /** Told apart from errors of the code under test by this name. */
  override readonly name = "AssertionError";
}

/** Throws an `AssertionError` unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Throws an `AssertionError`, always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Throws unless both have the same content, all the way down. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n${diff(actual, expected)}`,
  );
}

/** Throws if both have the same content, all the way down. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  check(
    !equal(actual, expected),
    () => `Expected actual: ${show(actual)} not to be: ${show(expected)}`,
    msg,
  );
}

/** Throws unless `Object.is` says that both are one. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(
    `Values are not strictly equal${suffix(msg)}\n${diff(actual, expected)}`,
  );
}

/**
 * Throws unless `actual` is within `tolerance` of `expected`; the default is
 * a ten-millionth of `expected`.
 */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  const delta = Math.abs(expected - actual);
  const limit = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  check(
    Object.is(actual, expected) || delta <= limit,
    () =>
      `Expected actual: ${actual} to be close to ${expected}: ` +
      `delta ${delta} is greater than ${limit}`,
    msg,
  );
}

/** Throws unless `fn` throws. Returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Throws unless `fn` throws an `errorClass` whose message includes
 * `msgIncludes`. Returns the error.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: AnyConstructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    if (typeof classOrMsg === "function") {
      assertIsError(error, classOrMsg, msgIncludes, msg);
    }
    return error;
  }
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  throw new AssertionError(
    `Expected function to throw${suffix(note)}`,
  );
}

/** Rejects unless the promise of `fn` rejects. Resolves to what it threw. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Rejects unless the promise of `fn` rejects with an `errorClass` whose
 * message includes `msgIncludes`. Resolves to the error.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: AnyConstructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    if (promise === undefined) {
      throw new AssertionError(
        `Function throws when expected to reject${suffix(note)}`,
        { cause: error },
      );
    }
    if (typeof classOrMsg === "function") {
      assertIsError(error, classOrMsg, msgIncludes, msg);
    }
    return error;
  }
  throw new AssertionError(
    `Expected function to reject${suffix(note)}`,
  );
}

/** Throws unless `error` is an `errorClass` whose message includes a text. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  errorClass?: AnyConstructor<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  check(
    error instanceof Error,
    () => `Expected "error" to be an Error object: ${show(error)}`,
    msg,
  );
  if (errorClass) assertInstanceOf(error, errorClass, msg);
  if (msgMatches instanceof RegExp) assertMatch(error.message, msgMatches, msg);
  else if (msgMatches) assertStringIncludes(error.message, msgMatches, msg);
}

/** Throws unless `actual` is an `expectedType`. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: AnyConstructor<T>,
  msg?: string,
): asserts actual is T {
  check(
    actual instanceof expectedType,
    () =>
      `Expected object to be an instance of "${expectedType.name}" but was ${
        show(actual)
      }`,
    msg,
  );
}

/** Throws unless `actual` contains `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  check(
    actual.includes(expected),
    () => `Expected actual: "${actual}" to contain: "${expected}"`,
    msg,
  );
}

/** Throws unless `actual` matches `expected`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  check(
    actual.search(expected) >= 0,
    () => `Expected actual: "${actual}" to match: ${expected}`,
    msg,
  );
}

/** Throws if `actual` is `undefined` or `null`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  check(
    actual !== undefined && actual !== null,
    () => `Expected actual: ${actual} to not be null or undefined`,
    msg,
  );
}

/** Throws unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, () => `Expect ${actual} > ${expected}`, msg);
}

/** Throws unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  check(actual >= expected, () => `Expect ${actual} >= ${expected}`, msg);
}

/** Throws unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, () => `Expect ${actual} < ${expected}`, msg);
}

/** Throws unless `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  check(actual <= expected, () => `Expect ${actual} <= ${expected}`, msg);
}

/** The text is built on failure only: showing a large array is slow. */
function check(
  holds: boolean,
  describe: () => string,
  msg?: string,
): asserts holds {
  if (!holds) throw new AssertionError(describe() + suffix(msg));
}

function suffix(text: string | undefined): string {
  return text ? `: ${text}` : "";
}
