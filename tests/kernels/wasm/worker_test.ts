import { assert, assertEquals } from "@std/assert";
import { SLOT, takeItems } from "../../../kernels/wasm/worker.ts";

/** Lengths of the pieces that one thread takes. */
function pieces(items: number, threads: number, grain: number): number[] {
  const slots = new Int32Array(new SharedArrayBuffer(4 * SLOT.alive));
  slots[SLOT.items] = items;
  slots[SLOT.threads] = threads;
  slots[SLOT.grain] = grain;
  const lengths: number[] = [];
  let next = 0;
  takeItems(slots, SLOT, (begin, end) => {
    assertEquals(begin, next);
    next = end;
    lengths.push(end - begin);
  });
  assertEquals(next, items);
  return lengths;
}

Deno.test("takeItems() takes every item once, in shrinking pieces", () => {
  for (const [items, threads, grain] of [[1, 2, 1], [1000, 3, 1], [77, 8, 5]]) {
    const lengths = pieces(items!, threads!, grain!);
    assertEquals(lengths, lengths.toSorted((a, b) => b - a));
    assert(lengths.slice(0, -1).every((length) => length >= grain!));
  }
  assertEquals(pieces(16, 2, 2), [4, 3, 3, 2, 2, 2]);
});

Deno.test("takeItems() takes nothing when all is taken", () => {
  assertEquals(pieces(0, 2, 1), []);
});
