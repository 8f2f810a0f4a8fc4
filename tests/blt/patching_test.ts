import { assertEquals, assertThrows } from "@std/assert";
import { BOS, encode } from "../../blt/bytes.ts";
import {
  documentStarts,
  lookbackPatches,
  patchBounds,
  patchIds,
  patchLengths,
  readablePatches,
} from "../../blt/patching.ts";
import { type Draw, forAll } from "../support/for_all.ts";

/** Start flags of a row whose first patch is its first position. */
function drawStarts(rng: Draw): Uint8Array {
  const length = rng.integer(2, 50);
  const starts = Uint8Array.from({ length }, () => Number(rng.uniform() < 0.3));
  return starts.fill(1, 0, 2);
}

/**
 * Newest patch j that is complete at p: its last position and d(next start),
 * which decides that it is the last, are both at or before p.
 */
function readableByDefinition(
  starts: Uint8Array,
  d: (t: number) => number,
): number[] {
  const first = [...starts.keys()].filter((p) => starts[p] === 1);
  return Array.from({ length: starts.length - 1 }, (_, p) => {
    const available = first.slice(1).map((next) => Math.max(next - 1, d(next)));
    return available.findLastIndex((a) => a <= p);
  });
}

Deno.test("patchIds() numbers every position and skips no patch", () => {
  forAll(drawStarts, (starts) => {
    const ids = patchIds(starts);
    assertEquals(ids.length, starts.length - 1);
    assertEquals(ids[0], 0);
    ids.forEach((id, p) => p > 0 && assertEquals(id - ids[p - 1]!, starts[p]!));
  });
});

Deno.test("patchBounds() and patchLengths() cover the row in order", () => {
  forAll(drawStarts, (starts) => {
    const bounds = patchBounds(starts);
    const lengths = patchLengths(starts);
    const ids = [...lengths].flatMap((n, j) => Array<number>(n).fill(j));
    assertEquals(ids, [...patchIds(starts)]);
    assertEquals(lengths.length, bounds.length - 1);
    lengths.forEach((length, j) => {
      assertEquals(starts[bounds[j]!], 1);
      assertEquals(bounds[j]! + length, bounds[j + 1]);
    });
  });
});

Deno.test("readablePatches() is the same by three formulas", () => {
  forAll(drawStarts, (starts) => {
    const readable = [...readablePatches(starts)];
    // The flags as lengths that count the unseen id, without the first one.
    const unseen = Uint8Array.of(...starts, 0);
    const later = [...patchLengths(unseen)].slice(1);
    const byLengths = later.flatMap((n, j) => Array<number>(n).fill(j));
    assertEquals(readable, byLengths);
    assertEquals(readable, readableByDefinition(starts, (t) => t - 1));
    assertEquals(readable, readableByDefinition(starts, () => -Infinity));
  }, 1000);
});

Deno.test("lookbackPatches() reads one position later, by definition", () => {
  forAll(drawStarts, (starts) => {
    const documents = new Uint32Array(starts.length - 1);
    assertEquals(
      [...lookbackPatches(starts, documents)],
      readableByDefinition(starts, (t) => t),
    );
  }, 1000);
});

Deno.test("lookbackPatches() reads nothing of the document before", () => {
  const ids = Uint32Array.of(BOS, 80, 81, 2, BOS, 82, 83);
  const starts = Uint8Array.of(1, 1, 0, 1, 1, 1, 0, 1);
  const readable = lookbackPatches(starts, documentStarts(ids));
  assertEquals([...readable], [-1, 0, 0, 1, -1, 3, 3]);
});

Deno.test("patchIds() and readablePatches() have the published example", () => {
  const starts = Uint8Array.of(1, 1, 0, 1, 0, 0, 1, 0, 1);
  assertEquals([...patchIds(starts)], [0, 1, 1, 2, 2, 2, 3, 3]);
  assertEquals([...readablePatches(starts)], [0, 0, 1, 1, 1, 2, 2, 3]);
});

Deno.test("documentStarts() restarts at each BOS", () => {
  const rows = [...encode("a"), ...encode(""), ...encode("b", { eos: false })];
  assertEquals([...documentStarts(Uint32Array.from(rows))], [
    ...[0, 0, 0, 3, 3, 5, 5],
  ]);
  assertEquals([...documentStarts(Uint32Array.of(80, 2, BOS))], [0, 0, 2]);
});

Deno.test("patchBounds() of an empty row and of one id", () => {
  assertEquals([...patchBounds(Uint8Array.of(1))], [0]);
  assertEquals([...patchLengths(Uint8Array.of(1))], []);
  assertEquals([...readablePatches(Uint8Array.of(1))], []);
  assertEquals([...patchBounds(Uint8Array.of(1, 1))], [0, 1]);
  assertEquals([...patchIds(Uint8Array.of(1, 1))], [0]);
  assertEquals([...readablePatches(Uint8Array.of(1, 1))], [0]);
});

Deno.test("patchBounds() needs a patch at the first position", () => {
  for (const numbering of [patchBounds, patchIds, readablePatches]) {
    assertThrows(
      () => numbering(Uint8Array.of(0, 1)),
      RangeError,
      "Cannot number patches: the first flag must be 1, got 0",
    );
  }
});
