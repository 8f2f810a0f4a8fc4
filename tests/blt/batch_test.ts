import { assertEquals } from "@std/assert";
import {
  byteInputs,
  encode,
  ngramRows,
  poolingOf,
  sequenceOf,
  tableOf,
  unitRowsOf,
} from "../../blt/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const NGRAMS = { sizes: [2, 3], functions: 1, rows: 50 };

deviceTest(
  "byteInputs() has table rows that end with each row",
  async (device) => {
    const rows = [encode("abc"), encode("cab", { bos: false })];
    const ids = Uint32Array.from(rows.flatMap((row) => [...row]));
    const lengths = rows.map((row) => row.length);
    const { tokens, ngrams } = byteInputs(
      device,
      { ids, lengths },
      NGRAMS,
      true,
    );
    assertEquals([...await tokens.ids.indices()], [...ids]);
    assertEquals([ngrams!.rows, ngrams!.perRow], [100, 2]);
    assertEquals(
      [...await ngrams!.ids.indices()],
      rows.flatMap((row) => [...ngramRows(row, NGRAMS, { stacked: true })]),
    );
    const plain = byteInputs(device, { ids, lengths }, undefined, false);
    assertEquals([plain.ngrams, plain.tokens.inverse], [undefined, undefined]);
  },
);

deviceTest(
  "sequenceOf() sees a window of its document, and nothing behind",
  async (device) => {
    const units = { lengths: [5], documents: Uint32Array.of(0, 0, 0, 3, 3) };
    const table = Tensor.from(device, [1, 1], [0]);
    const { positions, intervals } = sequenceOf(
      device,
      units,
      { window: 2 },
      table,
      7,
    );
    assertEquals([...await positions.indices()], [0, 1, 2, 0, 1, 0, 0]);
    assertEquals(
      [...await intervals.ofQueries.indices()],
      [0, 1, 0, 2, 1, 3, 3, 4, 3, 5, 5, 5, 5, 5],
    );
  },
);

deviceTest(
  "unitRowsOf() gives the last row what fills up, each a document",
  async (device) => {
    const units = { lengths: [2, 3], documents: Uint32Array.of(0, 0, 2, 3, 3) };
    const { firsts, counts, documents } = unitRowsOf(device, units, 7);
    assertEquals(firsts, [0, 2, 7]);
    assertEquals([...await counts.indices()], [2, 3]);
    assertEquals([...await documents.indices()], [0, 0, 2, 3, 3, 5, 6]);
  },
);

deviceTest(
  "poolingOf() fills up with groups that nobody sees",
  async (device) => {
    const grouping = {
      bounds: Uint32Array.of(0, 1, 4),
      readable: Uint32Array.of(0, 0, 0, 1),
      groups: { lengths: [2], documents: Uint32Array.of(0, 0) },
    };
    const table = Tensor.from(device, [1, 1], [0]);
    const { segments, slotsSee, unitsSee, sequence } = poolingOf(
      device,
      grouping,
      2,
      { window: 9 },
      table,
    );
    assertEquals([segments.count, segments.rows], [32, 4]);
    assertEquals([...await segments.ids.indices()], [0, 1, 1, 1]);
    const slots = await slotsSee.ofQueries.indices();
    assertEquals([...slots.subarray(0, 10)], [0, 1, 0, 1, 1, 4, 1, 4, 4, 4]);
    assertEquals([slots.length, slots.subarray(8).every((end) => end === 4)], [
      128,
      true,
    ]);
    assertEquals([...await unitsSee.ofQueries.indices()], [
      0,
      2,
      0,
      2,
      0,
      2,
      2,
      4,
    ]);
    assertEquals(unitsSee.ofKeys.shape, [64, 2]);
    const groups = await sequence.intervals.ofQueries.indices();
    assertEquals([...groups.subarray(0, 6)], [0, 1, 0, 2, 2, 2]);
  },
);

deviceTest("tableOf() has angles for one head of its stack", (device) => {
  const sizes = {
    layers: 1,
    dim: 12,
    heads: 3,
    hiddenDim: 1,
    window: 1,
    ropeTheta: 10,
  };
  assertEquals(tableOf(device, sizes, 5).shape, [5, 4]);
});
