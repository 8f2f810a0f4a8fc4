import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bytesSeeSlots,
  causal,
  type Ends,
  Intervals,
  openDevice,
  slotsSeeBytes,
} from "../../tensor/mod.ts";
import { randomEnds } from "../kernels/attention_case.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { forAll } from "../support/for_all.ts";

const [device] = devices;

/** The keys of each query, by name. */
function listed({ lo, hi }: Ends): string[] {
  return Array.from(lo, (a, i) => `${a}-${hi[i]}`);
}

deviceTest(
  "Intervals.from() finds the queries that see each key",
  async (device) => {
    const cases: { ends: Ends; keys: number }[] = [];
    forAll((rng) => {
      const [queries, keys] = [rng.integer(1, 20), rng.integer(1, 20)];
      return { ends: randomEnds(rng, queries, keys), keys };
    }, (drawn) => cases.push(drawn));
    for (const { ends, keys } of cases) {
      using intervals = Intervals.from(device, ends, keys);
      const ofKeys = await intervals.ofKeys.indices();
      let longest = 0;
      ends.lo.forEach((lo, i) => longest = Math.max(longest, ends.hi[i]! - lo));
      for (let key = 0; key < keys; key++) {
        const [from = 0, to = 0] = ofKeys.subarray(2 * key);
        ends.lo.forEach((lo, i) => {
          const sees = lo <= key && key < ends.hi[i]!;
          assertEquals(from <= i && i < to, sees);
        });
        assert(key === 0 || from >= ofKeys[2 * key - 2]!);
        assert(key === 0 || to >= ofKeys[2 * key - 1]!);
        longest = Math.max(longest, to - from);
      }
      const sum = (ends: Uint32Array): number => ends.reduce((a, b) => a + b);
      assertEquals(intervals.pairs, sum(ends.hi) - sum(ends.lo));
      assertEquals(intervals.longest, longest);
    }
  },
);

Deno.test("Intervals.from() names the query that is wrong", () => {
  const bad: [number[], number[], string][] = [
    [[0, 1], [1], "as many ends as beginnings, got 1 and 2"],
    [[0, 2], [1, 1], "lo <= hi <= 3 at query 1, got [2, 1)"],
    [[0, 2], [1, 4], "lo <= hi <= 3 at query 1, got [2, 4)"],
    [[1, 0], [1, 1], "never decrease, got [1, 1) and [0, 1) at query 1"],
    [[0, 0], [2, 1], "never decrease, got [0, 2) and [0, 1) at query 1"],
  ];
  for (const [lo, hi, message] of bad) {
    const ends = { lo: Uint32Array.from(lo), hi: Uint32Array.from(hi) };
    assertThrows(() => Intervals.from(device!, ends, 3), RangeError, message);
  }
});

Deno.test("Intervals frees its tensors", async () => {
  using device = await openDevice("cpu");
  Intervals.from(device, causal([5]), 5).dispose();
  assertEquals(device.memory.liveBlocks, 0);
});

Deno.test("causal() begins anew with each document", () => {
  assertEquals(listed(causal([2, 0, 3])), ["0-1", "0-2", "2-3", "2-4", "2-5"]);
});

Deno.test("causal() sees no further back than its window", () => {
  const expected = ["0-1", "0-2", "1-3", "3-4", "3-5", "4-6"];
  assertEquals(listed(causal([3, 3], 2)), expected);
});

Deno.test("slotsSeeBytes() gives every slot the bytes of its patch", () => {
  const ends = slotsSeeBytes(Uint32Array.of(0, 1, 4), 2);
  assertEquals(listed(ends), ["0-1", "0-1", "1-4", "1-4"]);
});

Deno.test("bytesSeeSlots() gives every byte the slots of its patch", () => {
  const ends = bytesSeeSlots(Uint32Array.of(0, 0, 1), 3);
  assertEquals(listed(ends), ["0-3", "0-3", "3-6"]);
});
