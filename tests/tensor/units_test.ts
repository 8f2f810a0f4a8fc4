import { assertEquals } from "@std/assert";
import { followed, lastOf, Segments, tally, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest(
  "followed() wants two more units of the document",
  async (device) => {
    // Documents of 4, 1, 2 and 3 units, then two rows that only fill up.
    const positions = Uint32Array.of(0, 1, 2, 3, 0, 0, 1, 0, 1, 2, 0, 0);
    const found = followed(Tensor.from(device, [12], positions));
    assertEquals([...await found.data()], [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  },
);

deviceTest("lastOf() gives 0 for an empty segment", async (device) => {
  const x = Tensor.from(device, [5], [3, 1, 4, 1, 5]);
  const starts = Uint32Array.of(0, 0, 2, 4);
  const ends = Uint32Array.of(0, 2, 4, 5);
  const segments = Segments.fromRanges(device, starts, ends, 5);
  assertEquals([...await lastOf(x, segments).data()], [0, 1, 1, 5]);
});

deviceTest("tally() adds whole numbers", async (device) => {
  const counts = Tensor.from(device, [3], Uint32Array.of(4, 0, 9));
  const sum = tally(counts);
  assertEquals(sum.shape, []);
  assertEquals([...await sum.data()], [13]);
});
