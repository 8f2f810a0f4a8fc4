import { assertEquals, assertThrows } from "@std/assert";
import { byteUnits, encode, extentOf, groupUnits } from "../../blt/mod.ts";
import { type Draw, forAll } from "../support/for_all.ts";

Deno.test("byteUnits() finds the document of each byte, row by row", () => {
  const rows = [[...encode("a"), ...encode("")], [70, 71], [...encode("b")]];
  const ids = Uint32Array.from(rows.flat());
  const lengths = rows.map((row) => row.length);
  // The second row begins inside a document, which it does not share.
  assertEquals(byteUnits(ids, lengths), {
    lengths: [5, 2, 3],
    documents: Uint32Array.of(0, 0, 0, 3, 3, 5, 5, 7, 7, 7),
  });
});

Deno.test("extentOf() rounds up the documents of the fullest row", () => {
  const documents = Uint32Array.of(0, 0, 2, 3, 4, 4, 4);
  assertEquals(extentOf({ lengths: [4, 3], documents }), {
    units: 4,
    documents: 4,
  });
  const later = Uint32Array.of(0, 0, 0, 0, 4, 5, 6);
  assertEquals(extentOf({ lengths: [4, 3], documents: later }), {
    units: 4,
    documents: 4,
  });
  assertEquals(extentOf({ lengths: [2, 5], documents: new Uint32Array(7) }), {
    units: 5,
    documents: 1,
  });
});

Deno.test("groupUnits() cuts rows by their flags", () => {
  const units = {
    lengths: [8, 3],
    documents: Uint32Array.of(0, 0, 0, 0, 0, 5, 5, 5, 8, 8, 8),
  };
  const grouping = groupUnits(units, [
    Uint8Array.of(1, 1, 0, 1, 0, 1, 1, 0, 1),
    Uint8Array.of(1, 1, 0, 0),
  ]);
  assertEquals([...grouping.bounds], [0, 1, 3, 5, 6, 8, 9, 11]);
  assertEquals([...grouping.readable], [0, 0, 1, 1, 2, 3, 3, 4, 5, 5, 5]);
  assertEquals(grouping.groups, {
    lengths: [5, 2],
    documents: Uint32Array.of(0, 0, 0, 3, 3, 5, 5),
  });
});

Deno.test("groupUnits() refuses groups that reach into another document", () => {
  const documents = Uint32Array.of(0, 0, 2, 2);
  for (
    const [lengths, starts, unit] of [
      [[4], [[1, 0, 1, 1, 1]], 0],
      [[4], [[1, 1, 0, 1, 1]], 2],
      [[4], [[1, 1, 1, 0, 1]], 2],
      [[2, 2], [[1, 1, 1], [1, 0, 1]], 2],
    ] as const
  ) {
    assertThrows(
      () =>
        groupUnits(
          { lengths, documents },
          starts.map((it) => Uint8Array.from(it)),
        ),
      RangeError,
      `Cannot group unit ${unit}: expected the first unit of its document`,
    );
  }
});

/** Flags of a few rows; each starts with a group. */
function drawFlags(draw: Draw): Uint8Array[] {
  return Array.from({ length: draw.integer(1, 5) }, () =>
    Uint8Array.from(
      { length: draw.integer(2, 20) },
      (_, p) => p < 2 ? 1 : draw.integer(0, 2),
    ));
}

Deno.test("groupUnits() lets a unit read the newest group that is closed", () => {
  forAll(drawFlags, (starts) => {
    const lengths = starts.map((flags) => flags.length - 1);
    const documents = lengths.flatMap((length, row) => {
      const from = lengths.slice(0, row).reduce((sum, n) => sum + n, 0);
      return Array<number>(length).fill(from);
    });
    const units = { lengths, documents: Uint32Array.from(documents) };
    const { bounds, readable, groups } = groupUnits(units, starts);
    assertEquals(groups.documents.length, bounds.length - 1);
    let unit = 0;
    for (const flags of starts) {
      for (let p = 0; p + 1 < flags.length; p++, unit++) {
        // A group that ends here is closed when the flag behind it is set.
        const end = flags[p + 1] ? unit + 1 : unit;
        const group = bounds.findLastIndex((bound) => bound <= end) - 1;
        assertEquals(readable[unit], group);
        assertEquals(documents[bounds[group]!], documents[unit]);
      }
    }
  });
});

Deno.test("extentOf() takes many rows", () => {
  const rows = 200_000;
  const documents = Uint32Array.from({ length: rows }, (_, i) => i);
  const lengths = documents.map(() => 1);
  const { units } = extentOf({ lengths: [...lengths], documents });
  assertEquals(units, 1);
});
