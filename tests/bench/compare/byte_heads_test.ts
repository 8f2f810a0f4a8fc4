import { assertEquals } from "@std/assert";
import { ByteHeads } from "../../../bench/compare/byte_heads.ts";
import { BOS, VOCABULARY } from "../../../blt/mod.ts";
import { Rng } from "../../../tensor/mod.ts";

Deno.test("ByteHeads knows the targets of its heads in each row", () => {
  const rows = {
    ids: Uint32Array.of(BOS, 10, 11, 12, BOS, 13),
    lengths: [4, 2],
  };
  const none = VOCABULARY;
  const targets = (offsets: readonly number[]): number[] => [
    ...new ByteHeads(16, offsets, new Rng(1)).targets(rows),
  ];
  assertEquals(
    targets([0, 1]),
    [none, none, 10, none, 11, 10, 12, 11, none, none, 13, none],
  );
  assertEquals(targets([-1]), [10, 11, 12, none, 13, none]);
});
