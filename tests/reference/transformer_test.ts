import { assertAlmostEquals, assertEquals } from "@std/assert";
import { matrix } from "./autodiff64.ts";
import { causal, documentStarts, entropies } from "./transformer.ts";

Deno.test("documentStarts() starts a document after each EOS", () => {
  assertEquals(documentStarts([1, 70, 2, 1, 2, 2, 1]), [0, 0, 0, 3, 3, 5, 6]);
});

Deno.test("causal() shows a window of the document, itself included", () => {
  const seen = [[0, 1], [0, 2], [1, 3], [3, 4], [3, 5], [4, 6]];
  assertEquals(causal([0, 0, 0, 3, 3, 3], 2).map((pair) => [...pair]), seen);
});

Deno.test("entropies() of equal logits is the logarithm of their number", () => {
  const [entropy] = entropies(matrix(new Float64Array(260).fill(3), 260));
  assertAlmostEquals(entropy!.value, Math.log(260), 1e-12);
});
