import { assertEquals } from "@std/assert";
import { type Block, Pool, sizeClass } from "../../kernels/pool.ts";
import { forAll } from "../support/for_all.ts";

/** A pool on nothing, whose blocks are numbered in order of creation. */
function numbered(): Pool<Block> {
  let id = 0;
  return new Pool((bytes) => ({ bytes, id: id++, place: 0 }));
}

Deno.test("sizeClass() has four classes per octave, from 256 bytes", () => {
  assertEquals([0, 1, 256].map(sizeClass), [256, 256, 256]);
  assertEquals([257, 513, 1024].map(sizeClass), [512, 768, 1024]);
  assertEquals([1025, 1281, 1537, 2049].map(sizeClass), [
    1280,
    1536,
    1792,
    2560,
  ]);
  forAll((draw) => draw.integer(1, 2 ** draw.integer(9, 32)), (bytes) => {
    const size = sizeClass(bytes);
    assertEquals(sizeClass(size), size);
    assertEquals(size % 256, 0);
    assertEquals(
      size >= bytes && size <= Math.max(1.25 * bytes, bytes + 256),
      true,
    );
  });
});

Deno.test("Pool hands out the oldest free block, whatever the order of return", () => {
  const pool = numbered();
  const take = (): number[] => Array.from({ length: 4 }, () => pool.take(9).id);
  const blocks = Array.from({ length: 4 }, () => pool.take(9));
  const other = pool.take(300);
  for (const order of [[3, 1, 0, 2], [0, 1, 2, 3], [2, 3, 1, 0]]) {
    for (const i of order) pool.give(blocks[i]!);
    assertEquals(take(), [0, 1, 2, 3]);
  }
  pool.give(other);
  assertEquals(pool.take(9).id, 5, "another size class");
});

Deno.test("Pool counts what is in use, its peak, and what is held", () => {
  const pool = numbered();
  const a = pool.take(256);
  const b = pool.take(1000);
  pool.give(b);
  assertEquals(pool.use, {
    liveBytes: 256,
    liveBlocks: 1,
    peakBytes: 1280,
    heldBytes: 1280,
  });
  pool.resetPeak();
  assertEquals(pool.use.peakBytes, 256);
  assertEquals(pool.drain(), [b]);
  assertEquals(pool.use.heldBytes, 256);
  pool.give(a);
  assertEquals(pool.use.liveBlocks, 0);
  assertEquals(pool.take(1000).id, 2, "drained blocks are gone");
});
