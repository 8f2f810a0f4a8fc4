/** A weight as numbers on the host. */
export interface HostWeight {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Numbers in row-major order. */
  readonly data: Float32Array;
}

/** Weights by name. */
export type HostWeights = ReadonlyMap<string, HostWeight>;

/** Name of a weight here, and those of its parts in Hugging Face's files. */
type Names = readonly [own: RegExp, theirs: readonly string[]];

/** Names within one block of a transformer; `$1` is the path of the stack. */
function blockNames(own: string, theirs: string): Names[] {
  const rows: [string, string[]][] = [
    ["attentionNorm.gain", ["input_layernorm"]],
    ["attention.qkv.weight", [
      "self_attn.q_proj",
      "self_attn.k_proj",
      "self_attn.v_proj",
    ]],
    ["attention.out.weight", ["self_attn.o_proj"]],
    ["feedForwardNorm.gain", ["post_attention_layernorm"]],
    ["feedForward.up.weight", ["mlp.gate_proj", "mlp.up_proj"]],
    ["feedForward.down.weight", ["mlp.down_proj"]],
  ];
  return rows.map(([name, parts]) => [
    new RegExp(`^${own}\\.blocks\\.(\\d+)\\.${name}$`),
    parts.map((part) => `${theirs}.layers.$1.${part}.weight`),
  ]);
}

/** Names within one cross-attention layer. */
function crossNames(own: string, theirs: string): Names[] {
  const rows: [string, string[]][] = [
    ["queryNorm.gain", ["q_norm"]],
    ["keyNorm.gain", ["k_norm"]],
    ["query.weight", ["q_proj"]],
    ["keyValue.weight", ["k_proj", "v_proj"]],
    ["out.weight", ["o_proj"]],
  ];
  return rows.map(([name, parts]) => [
    new RegExp(`^${own}\\.${name}$`),
    parts.map((part) => `${theirs}.${part}.weight`),
  ]);
}

const ENCODER = "model.local_encoder";
const DECODER = "model.local_decoder";
const LATENT = "model.global_transformer";
const PATCHER = "model.patcher";

/** Names of a `Blt`. */
const BLT_NAMES: readonly Names[] = [
  [/^embedding\.tokens\.table$/, [`${ENCODER}.embed_tokens.weight`]],
  [/^embedding\.ngrams\.table$/, ["model.encoder_hash_tok_embedding.weight"]],
  ...blockNames("encoder", ENCODER),
  [/^pool\.seed\.weight$/, [`${ENCODER}.patch_embedding_projection.weight`]],
  ...crossNames("pool\\.cross", `${ENCODER}.cross_attn_layers.0`),
  [/^input\.weight$/, [`${LATENT}.token_embedding_projection.weight`]],
  ...blockNames("latent", LATENT),
  [/^decoder\.spread\.weight$/, [
    `${DECODER}.patch_embedding_projection.weight`,
  ]],
  ...crossNames("decoder\\.cross\\.(\\d+)", `${DECODER}.cross_attn_layers.$1`),
  ...blockNames("decoder\\.transformer", DECODER),
  [/^norm\.gain$/, [`${DECODER}.norm.weight`]],
  [/^head\.weight$/, ["lm_head.weight"]],
];

/** Names of the `ByteTransformer` that is a BLT's entropy model. */
const PATCHER_NAMES: readonly Names[] = [
  [/^embedding\.tokens\.table$/, [`${PATCHER}.embed_tokens.weight`]],
  ...blockNames("transformer", PATCHER),
  [/^norm\.gain$/, [`${PATCHER}.norm.weight`]],
  [/^head\.weight$/, [`${PATCHER}.lm_head.weight`]],
];

/** Which of the two models in a BLT file. */
export type HuggingFacePart = "blt" | "entropy model";

function partsOf(name: string, part: HuggingFacePart): readonly string[] {
  const names = part === "blt" ? BLT_NAMES : PATCHER_NAMES;
  const found = names.find(([own]) => own.test(name));
  if (!found) {
    throw new RangeError(
      `Cannot name ${name} as Hugging Face does: expected a weight of a ${part}`,
    );
  }
  const [own, theirs] = found;
  return theirs.map((their) => name.replace(own, their));
}

/**
 * Picks the weights of a model out of a file of Hugging Face's BLT
 * (transformers 4.57 and later), joining what is packed here.
 *
 * shapes: those of the model, by name. Throws a `SyntaxError` when a weight is
 * missing or has another shape.
 */
export function fromHuggingFace(
  file: HostWeights,
  shapes: ReadonlyMap<string, readonly number[]>,
  part: HuggingFacePart,
): Map<string, Float32Array> {
  return new Map([...shapes].map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const joined = new Float32Array(size);
    let at = 0;
    const parts = partsOf(name, part);
    for (const their of parts) {
      const weight = file.get(their);
      // Queries, keys and values are alike here, not only as many in all.
      const fits = weight && weight.shape.at(-1) === shape.at(-1) &&
        weight.data.length === size / parts.length;
      if (!fits) {
        throw new SyntaxError(
          `Cannot load ${their}: expected a part of [${
            shape.join(", ")
          }], got ${weight ? `[${weight.shape.join(", ")}]` : "none"}`,
        );
      }
      joined.set(weight.data, at);
      at += weight.data.length;
    }
    return [name, joined];
  }));
}

/** The reverse of `fromHuggingFace`: splits what is packed here. */
export function toHuggingFace(
  weights: HostWeights,
  part: HuggingFacePart,
): Map<string, HostWeight> {
  const file = new Map<string, HostWeight>();
  for (const [name, { shape, data }] of weights) {
    const parts = partsOf(name, part);
    const [rows = 1, ...rest] = shape;
    const size = data.length / parts.length;
    parts.forEach((their, i) =>
      file.set(their, {
        shape: [rows / parts.length, ...rest],
        data: data.slice(i * size, (i + 1) * size),
      })
    );
  }
  return file;
}
