/**
 * Weights of our own models, some of them packed, under the names that the
 * parts of the reference know.
 *
 * @module
 */
import type { Matrix } from "./autodiff64.ts";
import type { Variables } from "./weights.ts";

/** A name here, own names that it may stand for, and which part of how many. */
type Rule = readonly [
  name: RegExp,
  own: readonly string[],
  part?: number,
  parts?: number,
];

function blockRule(name: string, own: string, part = 0, parts = 1): Rule {
  return [
    new RegExp(`^(.*)\\.layers\\.(\\d+)\\.${name}\\.weight$`),
    [`$1.blocks.$2.${own}`, `$1.transformer.blocks.$2.${own}`],
    part,
    parts,
  ];
}

function crossRule(name: string, own: string, part = 0, parts = 1): Rule {
  return [
    new RegExp(`^(.*)\\.cross_attn_layers\\.(\\d+)\\.${name}\\.weight$`),
    [`$1.cross.$2.${own}`, `$1.cross.${own}`],
    part,
    parts,
  ];
}

const RULES: readonly Rule[] = [
  blockRule("input_layernorm", "attentionNorm.gain"),
  blockRule("self_attn.q_proj", "attention.qkv.weight", 0, 3),
  blockRule("self_attn.k_proj", "attention.qkv.weight", 1, 3),
  blockRule("self_attn.v_proj", "attention.qkv.weight", 2, 3),
  blockRule("self_attn.o_proj", "attention.out.weight"),
  blockRule("post_attention_layernorm", "feedForwardNorm.gain"),
  blockRule("mlp.gate_proj", "feedForward.up.weight", 0, 2),
  blockRule("mlp.up_proj", "feedForward.up.weight", 1, 2),
  blockRule("mlp.down_proj", "feedForward.down.weight"),
  crossRule("q_norm", "queryNorm.gain"),
  crossRule("k_norm", "keyNorm.gain"),
  crossRule("q_proj", "query.weight"),
  crossRule("k_proj", "keyValue.weight", 0, 2),
  crossRule("v_proj", "keyValue.weight", 1, 2),
  crossRule("o_proj", "out.weight"),
  [/^(.*)\.patch_embedding_projection\.weight$/, [
    "$1.seed.weight",
    "$1.spread.weight",
  ]],
];

/** Finds weights by the names of the reference, or by their own. */
export function byReferenceName(
  weights: Variables,
  own: ReadonlySet<string>,
): Variables {
  return (name): Matrix => {
    for (const [pattern, candidates, part = 0, parts = 1] of RULES) {
      if (!pattern.test(name)) continue;
      const found = candidates.map((it) => name.replace(pattern, it))
        .find((it) => own.has(it));
      if (found === undefined) continue;
      const rows = weights(found);
      const size = rows.length / parts;
      return rows.slice(part * size, (part + 1) * size);
    }
    return weights(name);
  };
}
