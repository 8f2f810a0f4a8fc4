/**
 * A causal byte language model of the shared blocks: the entropy model, and
 * the plain transformer that BLT is compared with.
 *
 * @module
 */
import type { Matrix } from "./autodiff64.ts";
import {
  blocks,
  blockShapes,
  causal,
  documentStarts,
  linear,
  rmsNorm,
  type TransformerSizes,
} from "./transformer.ts";
import type { NamedShape, Variables } from "./weights.ts";

/** Token ids: 4 specials and 256 bytes. */
export const VOCABULARY = 260;

/** ids: [N] -> logits of the next id [N, 260]. `prefix` opens all names. */
export function byteTransformer(
  ids: readonly number[],
  { weights, prefix, sizes }: {
    readonly weights: Variables;
    readonly prefix: string;
    readonly sizes: TransformerSizes;
  },
): Matrix {
  const table = weights(`${prefix}.embed_tokens.weight`);
  const intervals = causal(documentStarts(ids), sizes.window);
  const x = blocks(ids.map((id) => table[id]!), {
    weights,
    prefix,
    sizes,
    intervals,
  });
  const n = rmsNorm(x, weights(`${prefix}.norm.weight`));
  return linear(n, weights(`${prefix}.lm_head.weight`));
}

/** Names and shapes of the weights of `byteTransformer`. */
export function byteTransformerShapes(
  prefix: string,
  sizes: TransformerSizes,
): NamedShape[] {
  return [
    [`${prefix}.embed_tokens.weight`, [VOCABULARY, sizes.dim]],
    ...blockShapes(prefix, sizes),
    [`${prefix}.norm.weight`, [sizes.dim]],
    [`${prefix}.lm_head.weight`, [VOCABULARY, sizes.dim]],
  ];
}
