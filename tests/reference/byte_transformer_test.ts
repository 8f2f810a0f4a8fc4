import { assertAlmostEquals } from "@std/assert";
import { byteTransformer, byteTransformerShapes } from "./byte_transformer.ts";
import { TINY_ENTROPIES, TINY_ENTROPY_MODEL, TINY_IDS } from "./tiny.ts";
import { entropies } from "./transformer.ts";
import { variables, weightsOf } from "./weights.ts";

Deno.test("byteTransformer() gives the published entropies", () => {
  const prefix = "model.patcher";
  const sizes = TINY_ENTROPY_MODEL;
  const weights = variables(weightsOf(byteTransformerShapes(prefix, sizes)));
  const logits = byteTransformer(TINY_IDS, { weights, prefix, sizes });
  entropies(logits).forEach((entropy, i) =>
    assertAlmostEquals(entropy.value, TINY_ENTROPIES[i]!, 1e-6)
  );
});
