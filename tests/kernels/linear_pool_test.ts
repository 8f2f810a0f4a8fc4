import { assert, assertEquals, assertThrows } from "@std/assert";
import { type LinearBlock, LinearPool } from "../../kernels/linear_pool.ts";
import { sizeClass } from "../../kernels/pool.ts";
import { type Draw, forAll } from "../support/for_all.ts";

/** Bytes behind each block. */
const PADDING = 64;

/** A pool of a memory that may be `most` bytes long. */
function limited(most: number): LinearPool {
  return new LinearPool((end, bytes) => {
    if (end > most) throw new RangeError(`no room for ${bytes}`);
  });
}

Deno.test("LinearPool uses freed memory for other sizes", () => {
  const pool = limited(2 ** 20 + 128);
  for (let bytes = 300_000; bytes < 1_000_000; bytes += 50_000) {
    pool.give(pool.take(bytes));
  }
  const blocks = Array.from({ length: 700 }, () => pool.take(1000));
  for (const block of blocks) pool.give(block);
  assertEquals(pool.take(900_000).pointer, 64);
});

Deno.test("LinearPool takes the lowest range that fits", () => {
  const pool = limited(2 ** 20);
  const blocks = [4096, 256, 1024, 256].map((bytes) => pool.take(bytes));
  const [a, b, c, d] = blocks.map(({ pointer }) => pointer) as [
    number,
    number,
    number,
    number,
  ];
  pool.give(blocks[2]!);
  pool.give(blocks[0]!);
  assertEquals(pool.take(1000).pointer, a);
  assertEquals(pool.take(1024).pointer, a + 1024 + PADDING);
  assertEquals(pool.take(2048).pointer, d + 256 + PADDING);
  pool.give(blocks[1]!);
  assertEquals(pool.take(1792).pointer, a + 2 * (1024 + PADDING));
  // What is left of a, with b and c.
  const left = a + 2 * (1024 + PADDING) + 1792 + PADDING;
  assertEquals(pool.take(1280).pointer, left);
  assert(left < b && left + 1280 > b && left + 1280 < c + 1024);
});

Deno.test("LinearPool keeps blocks apart, and joins all of them in the end", () => {
  const turn = (pool: LinearPool, live: LinearBlock[], draw: Draw): void => {
    if (live.length === 0 || draw.uniform() < .55) {
      const bytes = draw.integer(0, 2 ** draw.integer(1, 16));
      const block = pool.take(bytes);
      assertEquals(block.bytes, sizeClass(bytes));
      assertEquals(block.pointer % 64, 0);
      const end = block.pointer + block.bytes + PADDING;
      for (const { pointer, bytes } of live) {
        assert(pointer >= end || pointer + bytes + PADDING <= block.pointer);
      }
      live.push(block);
    } else pool.give(live.splice(draw.integer(0, live.length), 1)[0]!);
  };
  forAll((draw) => draw, (draw) => {
    const pool = limited(Infinity);
    const live: LinearBlock[] = [];
    for (let i = 0; i < 200; i++) turn(pool, live, draw);
    assertEquals(pool.use.liveBlocks, live.length);
    const bytes = live.reduce((sum, { bytes }) => sum + bytes, 0);
    assertEquals(pool.use.liveBytes, bytes);
    for (const block of live) pool.give(block);
    const { heldBytes, liveBytes } = pool.use;
    assertEquals(liveBytes, 0);
    const whole = 2 ** Math.floor(Math.log2(heldBytes - 2 * PADDING));
    const { grown } = pool;
    assertEquals(pool.take(whole).pointer, PADDING);
    assertEquals(pool.grown, grown);
  }, 30);
});

Deno.test("LinearPool gives the same for the same, and does not grow", () => {
  forAll((draw) => draw.integer(0, 2 ** 31), (seed) => {
    const pool = limited(Infinity);
    const kept = pool.take(5000);
    const step = (order: number): number[] => {
      let state = seed;
      const live: LinearBlock[] = [];
      const pointers: number[] = [];
      for (let i = 0; i < 60; i++) {
        state = Math.imul(state, 1664525) + 1013904223 >>> 0;
        if (state >>> 30 === 3 && live.length) pool.give(live.shift()!);
        const block = pool.take(state % 20_000);
        live.push(block);
        pointers.push(block.pointer);
      }
      live.sort((a, b) => order * (a.pointer - b.pointer));
      for (const block of live) pool.give(block);
      return pointers;
    };
    const first = step(1);
    const { grown } = pool;
    assertEquals([step(-1), step(1)], [first, first]);
    assertEquals(pool.grown, grown);
    pool.give(kept);
  }, 30);
});

Deno.test("LinearPool stays as it was when memory cannot grow", () => {
  const pool = limited(10_000);
  const block = pool.take(4096);
  const { pointer } = block;
  pool.give(pool.take(4096));
  const before = pool.use;
  assertThrows(() => pool.take(8000), RangeError, "no room for 8000");
  assertEquals(pool.use, before);
  pool.give(block);
  assertEquals(pool.take(8000).pointer, pointer);
});

Deno.test("LinearPool counts reserved memory as held only", () => {
  const pool = limited(2 ** 20);
  const at = pool.reserve(1000);
  assertEquals(pool.use, {
    liveBytes: 0,
    liveBlocks: 0,
    peakBytes: 0,
    heldBytes: at + 1024 + PADDING,
  });
  const block = pool.take(1000);
  pool.give(block);
  assertEquals(pool.use.peakBytes, 1024);
  pool.resetPeak();
  assertEquals(pool.use.peakBytes, 0);
  assert(block.pointer > at);
});
