import { assert, assertAlmostEquals } from "@std/assert";
import { spearman } from "../../../bench/compare/spearman.ts";

Deno.test("spearman() sees order alone", () => {
  assertAlmostEquals(spearman([1, 2, 3, 4], [1, 8, 27, 64]), 1);
  assertAlmostEquals(spearman([1, 2, 3], [0, -1, -100]), -1);
  // 1 - 6 sum(d²) / (n (n² - 1)) with d = 0, 1, 2, 1, 0
  assertAlmostEquals(spearman([1, 2, 3, 4, 5], [10, 30, 50, 20, 90]), 0.7);
});

Deno.test("spearman() gives equal values the same rank", () => {
  // ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / √(4.5 · 5)
  assertAlmostEquals(
    spearman([1, 2, 2, 3], [1, 2, 3, 4]),
    4.5 / Math.sqrt(4.5 * 5),
  );
  assert(Number.isNaN(spearman([1, 1], [1, 2])));
});
