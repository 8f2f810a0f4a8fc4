/**
 * The Byte Latent Transformer (Pagnoni et al., 2024, arXiv:2412.09871, §3) as
 * its published weights have it, number by number.
 *
 * @module
 */
import { type Matrix, sum } from "./autodiff64.ts";
import { VOCABULARY } from "./byte_transformer.ts";
import {
  blocks,
  blockShapes,
  causal,
  documentStarts,
  type Interval,
  linear,
  rmsNorm,
  type TransformerSizes,
} from "./transformer.ts";
import { joinSlots, pool, read } from "./slots.ts";
import type { NamedShape, Variables } from "./weights.ts";

/** Sizes of a BLT. */
export interface BltSizes {
  /** Bytes to patches. */
  readonly encoder: TransformerSizes;
  /** Patches to patches. */
  readonly latent: TransformerSizes;
  /** Patches to bytes; as wide as the encoder. */
  readonly decoder: TransformerSizes;
  /** Vectors per patch in cross-attention. */
  readonly slots: number;
  /** Lengths of the hashed n-grams. */
  readonly ngramSizes: readonly number[];
  /** Rows of each n-gram table. */
  readonly tableRows: number;
}

/** What flows through a BLT, in order. */
export interface BltActivations {
  /** Output of the encoder's blocks: [N, D] */
  readonly encoder: Matrix;
  /** Slots of the patches after cross-attention: [P * slots, D] */
  readonly slots: Matrix;
  /** Output of the latent transformer: [P, latent D] */
  readonly latent: Matrix;
  /** Logits of the next id: [N, 260] */
  readonly logits: Matrix;
}

const BOS = 1;
const PRIME = 1000000007n;
const PROJECTION = "model.global_transformer.token_embedding_projection.weight";

function needsProjection({ encoder, latent, slots }: BltSizes): boolean {
  return slots * encoder.dim !== latent.dim;
}

/**
 * Table row of the n-gram that ends at each position, oldest id at the lowest
 * power, in wrapping 64-bit arithmetic. What lies before the last BOS counts
 * as 0.
 */
export function ngramRows(
  ids: readonly number[],
  size: number,
  rows: number,
): number[] {
  return ids.map((_, last) => {
    const window = Array.from({ length: size }, (_, j) => last - size + 1 + j);
    const document = ids.slice(0, last + 1).lastIndexOf(BOS);
    const hash = window.reduce((h, position, j) => {
      const id = position < Math.max(document, 0) ? 0 : ids[position]!;
      return BigInt.asIntN(64, h + BigInt(id) * PRIME ** BigInt(j));
    }, 0n);
    const modulus = BigInt(rows);
    return Number(((hash % modulus) + modulus) % modulus);
  });
}

/** Sum of the vectors of each id and its n-grams. ids: [N] -> [N, D] */
export function embed(
  ids: readonly number[],
  { bytes, ngrams, ngramSizes, tableRows }:
    & Pick<
      BltSizes,
      "ngramSizes" | "tableRows"
    >
    & {
      /** [260, D] */
      readonly bytes: Matrix;
      /** [tables * tableRows, D] */
      readonly ngrams: Matrix;
    },
): Matrix {
  const tables = ngramSizes.map((size, table) =>
    ngramRows(ids, size, tableRows).map((row) =>
      ngrams[table * tableRows + row]!
    )
  );
  return ids.map((id, i) =>
    bytes[id]!.map((value, j) => sum([value, ...tables.map((t) => t[i]![j]!)]))
  );
}

/**
 * ids: [N]; starts: positions 0..N at which a patch starts, in order, where N
 * stands for the id that follows. Needs starts 0 and 1, as well as one at each
 * later BOS and right after it.
 */
export function blt(
  ids: readonly number[],
  starts: readonly number[],
  { weights, sizes }: {
    readonly weights: Variables;
    readonly sizes: BltSizes;
  },
): BltActivations {
  const { slots: k } = sizes;
  const encoderName = "model.local_encoder";
  const decoderName = "model.local_decoder";
  const documents = documentStarts(ids);

  const embedded = embed(ids, {
    ...sizes,
    bytes: weights(`${encoderName}.embed_tokens.weight`),
    ngrams: weights("model.encoder_hash_tok_embedding.weight"),
  });

  const encoder = blocks(embedded, {
    weights,
    prefix: encoderName,
    sizes: sizes.encoder,
    intervals: causal(documents, sizes.encoder.window),
  });

  const patches = starts.filter((start) => start < ids.length).map(
    (start, j): Interval => [start, starts[j + 1] ?? ids.length],
  );
  // The published weights have learnt that queries are added twice.
  const across = { weights, slots: k, residual: 2 };
  const slots = pool(encoder, patches, {
    ...across,
    prefix: encoderName,
    heads: sizes.encoder.heads,
  });

  const joined = joinSlots(slots, k);
  const patchDocuments = patches.map(([start]) => documents[start]!);
  const latent = blocks(
    needsProjection(sizes) ? linear(joined, weights(PROJECTION)) : joined,
    {
      weights,
      prefix: "model.global_transformer",
      sizes: sizes.latent,
      intervals: causal(
        patchDocuments.map((start) => patchDocuments.indexOf(start)),
        sizes.latent.window,
      ),
    },
  );

  const decoder = read(encoder, latent, {
    ...across,
    prefix: decoderName,
    sizes: sizes.decoder,
    // A byte may read the newest patch that is complete once it has been read.
    reads: ids.map((_, p) =>
      starts.filter((start) => start <= p + 1).length - 2
    ),
    intervals: causal(documents, sizes.decoder.window),
  });
  const normed = rmsNorm(decoder, weights(`${decoderName}.norm.weight`));
  const logits = linear(normed, weights("lm_head.weight"));
  return { encoder, slots, latent, logits };
}

function crossShapes(
  prefix: string,
  layers: number,
  dim: number,
): NamedShape[] {
  return Array.from({ length: layers }, (_, layer): NamedShape[] => {
    const name = `${prefix}.cross_attn_layers.${layer}`;
    return [
      ...["q", "k", "v", "o"].map((letter): NamedShape => [
        `${name}.${letter}_proj.weight`,
        [dim, dim],
      ]),
      [`${name}.q_norm.weight`, [dim]],
      [`${name}.k_norm.weight`, [dim]],
    ];
  }).flat();
}

/** Names and shapes of the weights of `blt`. */
export function bltShapes(sizes: BltSizes): NamedShape[] {
  const { encoder, latent, decoder, slots, ngramSizes } = sizes;
  const { dim } = encoder;
  const projection: NamedShape = [PROJECTION, [latent.dim, slots * dim]];
  return [
    ["model.local_encoder.embed_tokens.weight", [VOCABULARY, dim]],
    ["model.encoder_hash_tok_embedding.weight", [
      ngramSizes.length * sizes.tableRows,
      dim,
    ]],
    ...blockShapes("model.local_encoder", encoder),
    ["model.local_encoder.patch_embedding_projection.weight", [
      slots * dim,
      dim,
    ]],
    ...crossShapes("model.local_encoder", 1, dim),
    ...(needsProjection(sizes) ? [projection] : []),
    ...blockShapes("model.global_transformer", latent),
    ["model.local_decoder.patch_embedding_projection.weight", [
      slots * dim,
      latent.dim,
    ]],
    ...crossShapes("model.local_decoder", decoder.layers, dim),
    ...blockShapes("model.local_decoder", decoder),
    ["model.local_decoder.norm.weight", [dim]],
    ["lm_head.weight", [VOCABULARY, dim]],
  ];
}
