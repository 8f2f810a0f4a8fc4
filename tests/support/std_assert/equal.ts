/**
 * Whether two values have the same content, all the way down. NaN equals NaN,
 * 0 equals -0, and classes must agree.
 */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** `seen` holds the pairs already under comparison, so that cycles end. */
function compare(
  a: unknown,
  b: unknown,
  seen: Map<object, Set<object>>,
): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || prototype(a) !== prototype(b)) {
    return false;
  }
  const partners = seen.get(a) ?? new Set();
  if (partners.has(b)) return true;
  seen.set(a, partners.add(b));

  if (a instanceof Date && b instanceof Date) {
    return Object.is(a.getTime(), b.getTime());
  }
  if (a instanceof RegExp && b instanceof RegExp) {
    return String(a) === String(b);
  }
  if (a instanceof Error && b instanceof Error) {
    return a.name === b.name && a.message === b.message &&
      compare(a.cause, b.cause, seen);
  }
  if (a instanceof Set && b instanceof Set) {
    return a.size === b.size &&
      [...a].every((x) => b.has(x) || [...b].some((y) => compare(x, y, seen)));
  }
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size &&
      [...a].every(([key, x]) => b.has(key) && compare(x, b.get(key), seen));
  }
  const x = elements(a);
  const y = elements(b);
  if (x && y) {
    return x.length === y.length &&
      Array.prototype.every.call(x, (value, i) => compare(value, y[i], seen));
  }
  const keys = Reflect.ownKeys(a);
  return keys.length === Reflect.ownKeys(b).length &&
    keys.every((key) =>
      Object.hasOwn(b, key) &&
      compare(Reflect.get(a, key), Reflect.get(b, key), seen)
    );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** An object without prototype, such as a match's groups, counts as plain. */
function prototype(value: object): unknown {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

/** Content of binary data: a million own keys would be slow to list. */
function elements(value: object): ArrayLike<unknown> | undefined {
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  if (value instanceof DataView) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  // Every other view is a typed array, which its type does not say.
  return ArrayBuffer.isView(value)
    ? value as unknown as ArrayLike<unknown>
    : undefined;
}
