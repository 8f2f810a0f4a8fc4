import { parameters, type TransformerConfig } from "../nn/mod.ts";
import { VOCABULARY } from "./bytes.ts";
import type {
  BltConfig,
  EndToEndConfig,
  LevelConfig,
  ModelConfig,
  Objective,
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
  switch (config.kind) {
    case "bytes": {
      const { transformer } = config;
      return blocks(transformer, lengths.context) + head(transformer.dim);
    }
    case "blt":
      return bltFlops(config, lengths);
    case "end-to-end":
      return endToEndFlops(config, lengths);
    case "stacked": {
      const { context, meanPatchBytes } = lengths;
      const patches = context / meanPatchBytes;
      return bltFlops(config.blt, lengths) +
        levelFlops(config.levels, patches) / meanPatchBytes;
    }
  }
}

function head(dim: number): number {
  return 2 * dim * VOCABULARY;
}

/** What stands between units and their groups. */
interface GroupSizes {
  /** Slots of a group. */
  readonly slots: number;
  /** Width of the units. */
  readonly dim: number;
  /** Width of the groups. */
  readonly groupDim: number;
  /** Blocks over units that read groups. */
  readonly reader: TransformerConfig;
}

/** FLOPs of pooling units into groups and reading them, for each unit. */
function poolAndRead(
  { slots, dim, groupDim, reader }: GroupSizes,
  length: number,
  perGroup: number,
): number {
  const square = 4 * dim ** 2;
  const cross = square + 4 * slots * dim + square * slots / perGroup;
  const seed = 2 * slots * dim ** 2;
  const input = slots * dim === groupDim ? 0 : 2 * slots * dim * groupDim;
  const spread = 2 * groupDim * slots * dim;
  return (1 + reader.layers) * cross + (seed + input + spread) / perGroup +
    blocks(reader, length);
}

function bltFlops(
  { encoder, latent, decoder, slots }: BltConfig,
  { context, meanPatchBytes }: Lengths,
): number {
  const { dim } = encoder;
  const sizes = { slots, dim, groupDim: latent.dim, reader: decoder };
  const inner = blocks(latent, context / meanPatchBytes) / meanPatchBytes;
  return blocks(encoder, context) +
    poolAndRead(sizes, context, meanPatchBytes) + inner + head(dim);
}

function endToEndFlops(
  { blt, tiny, objective }: EndToEndConfig,
  lengths: Lengths,
): number {
  const branch = objective.kind === "next" && objective.reaches === "branch";
  const layers = tiny.layers + Number(branch);
  return bltFlops(blt, lengths) + blocks({ ...tiny, layers }, lengths.context) +
    objectiveFlops(objective, tiny.dim) + 2 * tiny.dim * blt.encoder.dim;
}

/** FLOPs of byte heads, or of a router, on latents of `dim` features. */
function objectiveFlops(objective: Objective, dim: number): number {
  switch (objective.kind) {
    case "previous":
      return (objective.bytes + 1) * head(dim);
    case "next":
      return head(dim);
    case "routing":
      return 4 * dim ** 2;
  }
}

/** FLOPs of further levels, for each unit below them. */
function levelFlops(
  [level, ...rest]: readonly LevelConfig[],
  length: number,
): number {
  if (!level) return 0;
  const { slots, trunk, reader, grouping, uncertainty } = level;
  const { dim } = reader;
  const groups = length / grouping.target;
  const forecast = uncertainty.kind === "cost" ? 2 * dim ** 2 + 2 * dim : 0;
  const sizes = { slots, dim, groupDim: trunk.dim, reader };
  const inner = blocks(trunk, groups) + levelFlops(rest, groups);
  return forecast + poolAndRead(sizes, length, grouping.target) +
    inner / grouping.target;
}
