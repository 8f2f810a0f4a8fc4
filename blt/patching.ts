import { BOS } from "./bytes.ts";

// Patches of one row of T ids are given as start flags [T + 1]: 1 where a patch
// starts. The last flag is for the id that follows the row: it makes no patch
// here, but the last id may read a patch only once that is known to be closed.

/**
 * First position of each patch, then T: patch j is the interval of positions
 * from bounds[j] up to, and without, bounds[j + 1].
 *
 * starts: [T + 1] -> [P + 1]. Throws a `RangeError` unless the row starts a
 * patch.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const starts = Uint8Array.of(1, 1, 0, 1, 0, 0, 1);
 * assertEquals([...patchBounds(starts)], [0, 1, 3, 6]);
 * ```
 */
export function patchBounds(starts: Uint8Array): Uint32Array {
  checkStarts(starts);
  const length = starts.length - 1;
  const bounds: number[] = [];
  for (let p = 0; p < length; p++) if (starts[p]) bounds.push(p);
  bounds.push(length);
  return Uint32Array.from(bounds);
}

/**
 * Positions in each patch. starts: [T + 1] -> [P], with sum T. Throws a
 * `RangeError` unless the row starts a patch.
 */
export function patchLengths(starts: Uint8Array): Uint32Array {
  const bounds = patchBounds(starts);
  return bounds.subarray(1).map((end, j) => end - bounds[j]!);
}

/**
 * Patch that holds each position. starts: [T + 1] -> [T]. Throws a `RangeError`
 * unless the row starts a patch.
 */
export function patchIds(starts: Uint8Array): Uint32Array {
  checkStarts(starts);
  let patch = -1;
  return Uint32Array.from(starts.subarray(0, -1), (start) => patch += start);
}

/**
 * Newest patch that each position may read, when a start is decided by what
 * comes before it: the patch that ends at the position, else the one before.
 *
 * starts: [T + 1] -> [T], -1 where there is none, which is never for starts
 * from a `Patcher`. Throws a `RangeError` unless the row starts a patch.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const starts = Uint8Array.of(1, 1, 0, 1, 0, 0, 1);
 * assertEquals([...readablePatches(starts)], [0, 0, 1, 1, 1, 2]);
 * ```
 */
export function readablePatches(starts: Uint8Array): Int32Array {
  checkStarts(starts);
  let patch = -1;
  return Int32Array.from(starts.subarray(1), (start) => patch += start);
}

/**
 * Newest patch that each position may read, when a start is decided by the id
 * at it: a patch is then known to be closed one position after its end.
 *
 * starts: [T + 1], documents: [T], the start of each position's document.
 * Result: [T], -1 in the first patch of a document, where there is none. Throws
 * a `RangeError` unless the row starts a patch.
 */
export function lookbackPatches(
  starts: Uint8Array,
  documents: Uint32Array,
): Int32Array {
  const ids = patchIds(starts);
  return Int32Array.from(
    ids,
    (patch, p) => patch === ids[documents[p]!] ? -1 : patch - 1,
  );
}

/**
 * Position at which the document of each position starts: its BOS, or 0 before
 * the first BOS of the row. ids: [T] -> [T]
 */
export function documentStarts(ids: Uint32Array): Uint32Array {
  let start = 0;
  return ids.map((id, p) => start = id === BOS ? p : start);
}

function checkStarts(starts: Uint8Array): void {
  if (starts[0] !== 1) {
    throw new RangeError(
      `Cannot number patches: the first flag must be 1, got ${starts[0]}`,
    );
  }
}
