import { assertEquals } from "@std/assert";
import { defineKernel } from "../../kernels/mod.ts";
import { threefry2x32, THREEFRY_WGSL } from "../../kernels/threefry.ts";
import { deviceTest } from "../support/devices.ts";

/** Key, counter and result, from the test vectors of Random123. */
const KNOWN: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [
    0xffffffff,
    0xffffffff,
    0xffffffff,
    0xffffffff,
    0x1cb996fc,
    0xbb002be7,
  ],
  [
    0x13198a2e,
    0x03707344,
    0x243f6a88,
    0x85a308d3,
    0xc4923a9c,
    0x483df7a0,
  ],
];

function words(key: readonly number[], counter: readonly number[]): number[] {
  const out = new Uint32Array(2);
  threefry2x32(key[0]!, key[1]!, counter[0]!, counter[1]!, out);
  return [...out];
}

Deno.test("threefry2x32() gives the published words", () => {
  for (const row of KNOWN) {
    assertEquals(words(row.slice(0, 2), row.slice(2, 4)), row.slice(4));
  }
});

/** Row i of words is Threefry of row i of calls: its key and its counter. */
const threefryKernel = defineKernel({
  name: "threefry",
  reads: { calls: "u32" },
  writes: { words: "u32" },
  sizes: ["rows"],
  wgsl: {
    items: ({ rows }) => rows,
    vectors: ["calls"],
    declarations: THREEFRY_WGSL,
    body: `let result = threefry2x32(calls[id].xy, calls[id].zw);
      words[2u * id] = result.x;
      words[2u * id + 1u] = result.y;`,
  },
  define: ({ calls, words }, { rows }) => {
    const out = new Uint32Array(2);
    for (let i = 0; i < rows; i++) {
      const [key0, key1, counter0, counter1] = calls.subarray(4 * i);
      threefry2x32(key0!, key1!, counter0!, counter1!, out);
      words.set(out, 2 * i);
    }
  },
  cost: ({ rows }) => ({ bytes: 24 * rows, flops: 0 }),
});

deviceTest("THREEFRY_WGSL gives the host's words", async (device) => {
  const calls = KNOWN.map((row) => row.slice(0, 4));
  for (let i = 0; i < 200; i++) {
    calls.push([...words([1, i], [0, 0]), ...words([2, i], [0, 0])]);
  }
  const rows = calls.length;
  const storages = {
    calls: device.allocate(16 * rows),
    words: device.allocate(8 * rows),
  };
  device.write(storages.calls, new Uint32Array(calls.flat()));
  device.launch(threefryKernel, storages, { rows });
  const [bytes] = await device.read([storages.words]);
  const expected = calls.flatMap((c) => words(c.slice(0, 2), c.slice(2)));
  assertEquals([...new Uint32Array(bytes!, 0, 2 * rows)], expected);
  Object.values(storages).forEach((storage) => device.free(storage));
});
