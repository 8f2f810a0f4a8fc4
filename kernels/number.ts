/** Which numbers {@linkcode checkNumber} lets pass. */
export interface NumberRange {
  /** Whether it must be an integer; default false. */
  readonly whole?: boolean;
  /** Smallest number. */
  readonly least?: number;
  /** What it must exceed. */
  readonly above?: number;
  /** Largest number; default what f32, or an exact integer, can hold. */
  readonly most?: number;
  /** What it must stay below. */
  readonly below?: number;
}

/** Largest number in f32. */
const MOST_F32 = (2 - 2 ** -23) * 2 ** 127;

/**
 * Throws a `RangeError` that begins with "Cannot" and `purpose` unless `found`
 * is a number in the range. NaN never is, infinity only where `most` is.
 *
 * @example Usage
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { checkNumber } from "@club/club/tensor";
 *
 * checkNumber("count to n", 3, { whole: true, least: 1 });
 * assertThrows(
 *   () => checkNumber("count to n", 1.5, { whole: true, least: 1 }),
 *   RangeError,
 *   "Cannot count to n: expected an integer >= 1, got 1.5",
 * );
 * ```
 */
export function checkNumber(
  purpose: string,
  found: number,
  range: NumberRange,
): void {
  const { whole = false, least, above, most, below } = range;
  const limit = most ?? (whole ? Number.MAX_SAFE_INTEGER : MOST_F32);
  const kind = typeof found === "number" &&
    (!whole || Number.isInteger(found) || found === Infinity);
  const inside = found >= (least ?? -limit) && found <= limit &&
    (above === undefined || found > above) &&
    (below === undefined || found < below);
  if (kind && inside) return;
  const shown = Number.isFinite(found) && found > limit ? limit : most;
  throw new RangeError(
    `Cannot ${purpose}: expected ${
      textOf({ ...range, ...(shown === undefined ? {} : { most: shown }) })
    }, got ${String(found)}`,
  );
}

function textOf({ whole, least, above, most, below }: NumberRange): string {
  const noun = whole ? "an integer" : "a number";
  const low = least ?? above;
  const high = below ?? most;
  const from = least === undefined ? ">" : ">=";
  const to = below === undefined ? "<=" : "<";
  if (most === Infinity) return `${noun} ${from} ${low}, or Infinity`;
  if (low === undefined && high === undefined) return noun;
  if (low === undefined) return `${noun} ${to} ${high}`;
  if (high === undefined) return `${noun} ${from} ${low}`;
  const [open, close] = [from === ">" ? "(" : "[", to === "<" ? ")" : "]"];
  return `${noun} in ${open}${low}, ${high}${close}`;
}
