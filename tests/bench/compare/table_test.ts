import { assertEquals } from "@std/assert";
import {
  comparison,
  markdown,
  type Result,
} from "../../../bench/compare/table.ts";

Deno.test("markdown() has a line below the head", () => {
  assertEquals(
    markdown(["a", "b"], [["1", "2"]]),
    "| a | b |\n| --- | --- |\n| 1 | 2 |",
  );
});

const RESULT: Result = {
  name: "stacked-2",
  seed: 1,
  bitsPerByte: 2.5,
  flopsPerByte: 900_000,
  entropyModel: { flopsPerByte: 170_000, bitsPerByte: 3, seconds: 10 },
  unitsPerGroup: [4, 3],
  overflow: 0.25,
  bytesPerSecond: 8000,
  compute: 1_500_000,
  lookup: 800_000,
  steps: 240,
  seconds: 20,
};

Deno.test("comparison() has a row for each contestant, and notes", () => {
  const { entropyModel: _, ...rest } = RESULT;
  const bytes = { ...rest, name: "bytes", unitsPerGroup: [], overflow: 0 };
  const [, , ...lines] = comparison([RESULT, bytes]).split("\n");
  assertEquals(lines, [
    "| stacked-2 | 2.500 | 0.90 + 0.17 | 4.00, 3.00 | 25.0 % | 8.0 | 1.50 | 0.80 | 240 | 20 |",
    "| bytes | 2.500 | 0.90 |  | 0.0 % | 8.0 | 1.50 | 0.80 | 240 | 20 |",
    "",
    "The entropy model of seed 1, behind the +, has 3.000 bits per byte; its training took 10 s.",
    "All this took 0.8 minutes.",
  ]);
});

Deno.test("comparison() has means of seeds, and half their range", () => {
  const other = {
    ...RESULT,
    seed: 2,
    bitsPerByte: 2.6,
    unitsPerGroup: [5, 3.5],
    bytesPerSecond: 9000,
  };
  const [, , row, , ...notes] = comparison([RESULT, other]).split("\n");
  assertEquals(
    row,
    "| stacked-2 | 2.550 ± 0.050 | 0.90 + 0.17 | 4.50, 3.25 | 25.0 % | 8.5 | 1.50 | 0.80 | 240 | 20 |",
  );
  assertEquals(notes.length, 3);
});
