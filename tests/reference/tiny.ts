/**
 * A tiny BLT and its entropy model with every number they must give: those of
 * the authors' own modules in float64 (github.com/facebookresearch/blt at
 * 9774ed4), with weights from `weightOf`.
 *
 * @module
 */
import type { AdamWSettings } from "./adamw.ts";
import type { BltSizes } from "./blt.ts";
import type { TransformerSizes } from "./transformer.ts";

const LOCAL: TransformerSizes = {
  layers: 1,
  dim: 16,
  heads: 2,
  hidden: 48,
  theta: 500_000,
  window: 512,
};

/** Sizes of the tiny BLT. */
export const TINY_BLT: BltSizes = {
  encoder: LOCAL,
  latent: { ...LOCAL, layers: 2, dim: 32, heads: 4, hidden: 96 },
  decoder: { ...LOCAL, layers: 2 },
  slots: 2,
  ngramSizes: [3, 4],
  tableRows: 97,
};

/** Sizes of its entropy model; names start with `model.patcher`. */
export const TINY_ENTROPY_MODEL: TransformerSizes = {
  ...LOCAL,
  layers: 2,
  theta: 10_000,
};

/** BOS and `Hello, BLT!` */
export const TINY_IDS: readonly number[] =
  // deno-fmt-ignore
  [1, 76, 105, 112, 112, 115, 48, 36, 70, 80, 88, 37];

/** Where patches start; the last one belongs to the byte that follows. */
export const TINY_STARTS: readonly number[] = [0, 1, 4, 6, 10, 12];

/** First channels of some rows of the activations, to 6 decimals. */
export const TINY_ROWS: readonly {
  readonly output: "encoder" | "slots" | "latent" | "logits";
  readonly row: number;
  readonly values: readonly number[];
}[] = [
  {
    output: "encoder",
    row: 0,
    values: [-0.385876, 0.153423, -1.004054, 0.426625],
  },
  {
    output: "encoder",
    row: 11,
    values: [0.474087, -0.554583, -0.254339, 0.731227],
  },
  {
    output: "slots",
    row: 0,
    values: [0.825364, -1.661933, -0.57646, -0.516731],
  },
  {
    output: "slots",
    row: 5,
    values: [0.095385, 0.457328, -0.178263, -0.19518],
  },
  {
    output: "latent",
    row: 0,
    values: [2.619089, -0.807157, -1.794796, -1.375371],
  },
  {
    output: "latent",
    row: 4,
    values: [-1.33814, -0.943947, -2.64009, 0.613604],
  },
  // deno-fmt-ignore
  { output: "logits", row: 0, values: [-0.620211, -0.151961, -0.767525, 0.808125, 0.40624, -1.001868] },
  // deno-fmt-ignore
  { output: "logits", row: 11, values: [-0.759487, -0.834795, -0.548663, 0.975287, 0.251829, -0.866012] },
];

/** Sums over whole activations, to 5 decimals. */
export const TINY_SUMS: { readonly encoder: number; readonly slots: number } = {
  encoder: -16.07586,
  slots: -71.45657,
};

/** Surprise at ids 1 to 11, in nats; the loss is their mean. */
export const TINY_NATS: readonly number[] =
  // deno-fmt-ignore
  [6.784147, 6.175091, 6.998964, 5.860334, 5.223223, 5.891235, 5.178083, 5.388628, 6.22435, 5.920883, 5.915501];

/** Entropy of the next id after each id, in nats. */
export const TINY_ENTROPIES: readonly number[] =
  // deno-fmt-ignore
  [5.340789, 5.333182, 5.363817, 5.357401, 5.364528, 5.366457, 5.372297, 5.344677, 5.291386, 5.304934, 5.348495, 5.330546];

/** L2 norm of the gradient of the mean loss over all weights. */
export const TINY_TOTAL_GRADIENT_NORM = 3.360265;

/** L2 norms of the gradients of single tensors. */
export const TINY_GRADIENT_NORMS: Readonly<Record<string, number>> = {
  "model.encoder_hash_tok_embedding.weight": 1.417241,
  "model.local_encoder.embed_tokens.weight": 1.033267,
  "model.local_encoder.layers.0.self_attn.q_proj.weight": 0.333480,
  "model.local_encoder.layers.0.self_attn.k_proj.weight": 0.281393,
  "model.local_encoder.layers.0.self_attn.v_proj.weight": 1.141388,
  "model.local_encoder.layers.0.self_attn.o_proj.weight": 1.029669,
  "model.local_encoder.layers.0.mlp.gate_proj.weight": 0.825097,
  "model.local_encoder.layers.0.mlp.up_proj.weight": 0.760461,
  "model.local_encoder.layers.0.mlp.down_proj.weight": 0.711101,
  "model.local_encoder.layers.0.input_layernorm.weight": 0.195961,
  "model.local_encoder.layers.0.post_attention_layernorm.weight": 0.290528,
  "model.local_encoder.patch_embedding_projection.weight": 0.431648,
  "model.local_encoder.cross_attn_layers.0.q_proj.weight": 0.025613,
  "model.local_encoder.cross_attn_layers.0.k_proj.weight": 0.023080,
  "model.local_encoder.cross_attn_layers.0.v_proj.weight": 0.201355,
  "model.local_encoder.cross_attn_layers.0.o_proj.weight": 0.185896,
  "model.local_encoder.cross_attn_layers.0.q_norm.weight": 0.004866,
  "model.local_encoder.cross_attn_layers.0.k_norm.weight": 0.035307,
  "model.global_transformer.layers.0.self_attn.q_proj.weight": 0.094938,
  "model.global_transformer.layers.0.self_attn.k_proj.weight": 0.128994,
  "model.global_transformer.layers.0.self_attn.v_proj.weight": 0.462016,
  "model.global_transformer.layers.0.self_attn.o_proj.weight": 0.344738,
  "model.global_transformer.layers.0.mlp.gate_proj.weight": 0.281617,
  "model.global_transformer.layers.0.mlp.up_proj.weight": 0.278796,
  "model.global_transformer.layers.0.mlp.down_proj.weight": 0.300382,
  "model.global_transformer.layers.1.self_attn.q_proj.weight": 0.050854,
  "model.global_transformer.layers.1.self_attn.k_proj.weight": 0.039551,
  "model.global_transformer.layers.1.self_attn.v_proj.weight": 0.202656,
  "model.global_transformer.layers.1.self_attn.o_proj.weight": 0.183412,
  "model.global_transformer.layers.1.mlp.gate_proj.weight": 0.215332,
  "model.global_transformer.layers.1.mlp.up_proj.weight": 0.176352,
  "model.global_transformer.layers.1.mlp.down_proj.weight": 0.142030,
  "model.local_decoder.cross_attn_layers.0.q_proj.weight": 0.070719,
  "model.local_decoder.cross_attn_layers.0.k_proj.weight": 0.080902,
  "model.local_decoder.cross_attn_layers.0.v_proj.weight": 0.301241,
  "model.local_decoder.cross_attn_layers.0.o_proj.weight": 0.357521,
  "model.local_decoder.cross_attn_layers.0.q_norm.weight": 0.013501,
  "model.local_decoder.cross_attn_layers.0.k_norm.weight": 0.058775,
  "model.local_decoder.cross_attn_layers.1.q_proj.weight": 0.022523,
  // By central differences, as the total demands.
  "model.local_decoder.cross_attn_layers.1.k_proj.weight": 0.025904,
  "model.local_decoder.cross_attn_layers.1.v_proj.weight": 0.170501,
  "model.local_decoder.cross_attn_layers.1.o_proj.weight": 0.127380,
  "model.local_decoder.cross_attn_layers.1.q_norm.weight": 0.003218,
  "model.local_decoder.cross_attn_layers.1.k_norm.weight": 0.022679,
  "model.local_decoder.layers.0.self_attn.q_proj.weight": 0.075013,
  "model.local_decoder.layers.0.self_attn.k_proj.weight": 0.065713,
  "model.local_decoder.layers.0.self_attn.v_proj.weight": 0.307730,
  "model.local_decoder.layers.0.self_attn.o_proj.weight": 0.382717,
  "model.local_decoder.layers.0.mlp.gate_proj.weight": 0.319517,
  "model.local_decoder.layers.0.mlp.up_proj.weight": 0.315484,
  "model.local_decoder.layers.0.mlp.down_proj.weight": 0.287583,
  "model.local_decoder.layers.1.self_attn.q_proj.weight": 0.009778,
  "model.local_decoder.layers.1.self_attn.k_proj.weight": 0.013138,
  "model.local_decoder.layers.1.self_attn.v_proj.weight": 0.143812,
  "model.local_decoder.layers.1.self_attn.o_proj.weight": 0.172004,
  "model.local_decoder.layers.1.mlp.gate_proj.weight": 0.163928,
  "model.local_decoder.layers.1.mlp.up_proj.weight": 0.186296,
  "model.local_decoder.layers.1.mlp.down_proj.weight": 0.167475,
  "model.local_decoder.patch_embedding_projection.weight": 0.323545,
  "model.local_decoder.norm.weight": 0.298171,
};

/** AdamW of the ten steps. */
export const TINY_ADAMW: AdamWSettings = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
};

/** Loss before each of ten steps and after the last, to 5 decimals. */
export const TINY_LOSSES: readonly number[] =
  // deno-fmt-ignore
  [5.96004, 4.95357, 4.30211, 3.85671, 3.5027, 3.20921, 2.97199, 2.75017, 2.54002, 2.34251, 2.14782];
