import { parameters, type TransformerConfig } from "../nn/mod.ts";
import { VOCABULARY } from "./bytes.ts";
import type {
  BltConfig,
  ByteTransformerConfig,
  ModelConfig,
} from "./config.ts";

/** Parameters that are multiplied, and those that are only looked up. */
export interface ParameterCounts {
  /** Matrices and norms. */
  readonly compute: number;
  /** Rows of embedding tables. */
  readonly lookup: number;
}

/** Counts the parameters of a model. */
export function countParameters(model: object): ParameterCounts {
  let compute = 0;
  let lookup = 0;
  for (const [name, { size }] of parameters(model)) {
    if (name.endsWith(".table")) lookup += size;
    else compute += size;
  }
  return { compute, lookup };
}

/** Lengths that the cost of a byte depends on. */
export interface Lengths {
  /** Ids in a row. */
  readonly context: number;
  /** Mean ids in a patch. */
  readonly meanPatchBytes: number;
}

/** Mean keys that a query sees in rows of `length` under a causal window. */
function visible(length: number, window: number): number {
  const full = Math.min(length, window);
  const growing = full * (full + 1) / 2;
  return (growing + (length - full) * full) / length;
}

/** FLOPs of a stack of blocks for each of its positions. */
function blocks(
  { layers, dim, hiddenDim, window }: TransformerConfig,
  length: number,
): number {
  const matrices = 8 * dim ** 2 + 6 * dim * hiddenDim;
  return layers * (matrices + 4 * dim * visible(length, window));
}

/**
 * FLOPs of the forward pass for each byte: matrix products only, a
 * multiply-add counts 2 (Pagnoni et al., 2024, arXiv:2412.09871, section 4.5).
 * The backward pass costs twice as much. An entropy model is not included.
 */
export function flopsPerByte(config: ModelConfig, lengths: Lengths): number {
  return config.kind === "blt"
    ? bltFlops(config, lengths)
    : bytesFlops(config, lengths);
}

function bytesFlops(
  { transformer }: ByteTransformerConfig,
  { context }: Lengths,
): number {
  return blocks(transformer, context) + 2 * transformer.dim * VOCABULARY;
}

function bltFlops(
  { encoder, latent, decoder, slots }: BltConfig,
  { context, meanPatchBytes }: Lengths,
): number {
  const { dim } = encoder;
  const pooled = slots * dim;
  const square = 4 * dim ** 2;
  const seed = 2 * dim * pooled;
  const pool = square + 4 * slots * dim +
    (square * slots + seed) / meanPatchBytes;
  const input = pooled === latent.dim ? 0 : 2 * pooled * latent.dim;
  const spread = 2 * latent.dim * pooled;
  const reads = decoder.layers *
    (square + 4 * slots * dim + square * slots / meanPatchBytes);
  const patches = context / meanPatchBytes;
  const inner = blocks(latent, patches) + input + spread;
  return blocks(encoder, context) + pool + inner / meanPatchBytes + reads +
    blocks(decoder, context) + 2 * dim * VOCABULARY;
}
