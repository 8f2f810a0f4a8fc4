import { assertEquals, assertThrows } from "@std/assert";
import { GatherIndex } from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { forAll } from "../support/for_all.ts";

deviceTest("GatherIndex groups uses by table row, in order", async (device) => {
  const ids = Uint32Array.of(2, 0, 2, 2, 4, 0);
  const { inverse } = GatherIndex.from(device, ids, { rows: 5, perRow: 2 });
  assertEquals([...await inverse!.order.indices()], [0, 2, 0, 1, 1, 2]);
  assertEquals([...await inverse!.offsets.indices()], [0, 2, 2, 5, 5, 6]);
  assertEquals(inverse!.longest, 65_000); // few enough for one loop on a GPU
});

deviceTest("GatherIndex tells the same bound of like batches", (device) => {
  const bounds = [[0, 1, 2], [1, 1, 1]].map((ids) =>
    GatherIndex.from(device, Uint32Array.from(ids), { rows: 3 }).inverse!
      .longest
  );
  assertEquals(bounds[0], bounds[1]);
});

deviceTest("GatherIndex is smaller without gradient", (device) => {
  const { liveBlocks } = device.memory;
  const options = { rows: 5, gradient: false };
  const index = GatherIndex.from(device, Uint32Array.of(1), options);
  assertEquals(index.inverse, undefined);
  assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  index[Symbol.dispose]();
  assertEquals(device.memory.liveBlocks, liveBlocks);
});

Deno.test("GatherIndex.from() names an id outside of the table", () => {
  const [device] = devices;
  assertThrows(
    () => GatherIndex.from(device!, Uint32Array.of(0, 3, 2), { rows: 3 }),
    RangeError,
    "Cannot index a table of 3 rows: expected ids below that, got 3 at 1",
  );
  const options = { rows: 9, perRow: 2 };
  assertThrows(
    () => GatherIndex.from(device!, Uint32Array.of(0, 3, 2), options),
    RangeError,
    "expected a multiple of 2 ids, got 3",
  );
});

deviceTest("GatherIndex lists each use once", (device) => {
  const found: { ids: Uint32Array; index: GatherIndex }[] = [];
  forAll(
    (draw) =>
      Uint32Array.from(
        { length: draw.integer(1, 40) },
        () => draw.integer(0, 7),
      ),
    (ids) => {
      const index = GatherIndex.from(device, ids, { rows: 7 });
      found.push({ ids, index });
    },
    20,
  );
  return found.reduce(async (done, { ids, index }) => {
    await done;
    const order = await index.inverse!.order.indices();
    const offsets = await index.inverse!.offsets.indices();
    for (let row = 0; row < 7; row++) {
      const uses = [...order.subarray(offsets[row], offsets[row + 1])];
      assertEquals(uses, [...ids.keys()].filter((i) => ids[i] === row));
    }
  }, Promise.resolve());
});
