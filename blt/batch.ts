import {
  bytesSeeSlots,
  type Device,
  GatherIndex,
  Intervals,
  rotaryTable,
  Segments,
  slotsSeeBytes,
  Tensor,
  type UnitRows,
} from "../tensor/mod.ts";
import type { Sequence, TransformerConfig } from "../nn/mod.ts";
import { VOCABULARY } from "./bytes.ts";
import { type NgramHashConfig, ngramRows } from "./ngram_hash.ts";
import type { Grouping, Units } from "./units.ts";

/** Counts of patches are rounded up to this, so that few shapes occur. */
const PATCH_MULTIPLE = 32;

/** Rows of ids as the host cuts them out of a stream. */
export interface HostRows {
  /** Ids of all rows, one after the other. [R] */
  readonly ids: Uint32Array;
  /** Ids in each row; their sum is R. */
  readonly lengths: readonly number[];
}

/** Rows of ids with the patches they are cut into. */
export interface PatchedRows extends HostRows {
  /** Start flags of each row, its length + 1 of them; see `patchStarts`. */
  readonly starts: readonly Uint8Array[];
  /** Entropy of the next id at each position, in nats, where it is known. [R] */
  readonly entropies?: Float32Array | undefined;
}

/** What the local models read. */
export interface ByteInputs {
  /** Table row of each id. */
  readonly tokens: GatherIndex;
  /** Table rows of the hashed n-grams that end at each id. */
  readonly ngrams: GatherIndex | undefined;
}

/** How the units of one level are pooled into those of the next, and read. */
export interface Pooling {
  /** Units of each group. */
  readonly segments: Segments;
  /** Slots of a group see its units. */
  readonly slotsSee: Intervals;
  /** A unit sees the slots of the newest group that is closed. */
  readonly unitsSee: Intervals;
  /** The groups as a sequence. */
  readonly sequence: Sequence;
}

/**
 * Rotary tables of one stack of blocks, made once for all batches.
 *
 * positions: an upper bound of the units in a row.
 */
export function tableOf(
  device: Device,
  { dim, heads, ropeTheta }: TransformerConfig,
  positions: number,
): Tensor {
  const headWidth = dim / heads;
  return rotaryTable(device, { positions, headWidth, theta: ropeTheta });
}

/** Ids and, where the model has tables for them, rows of hashed n-grams. */
export interface TableRows {
  /** [R] */
  readonly ids: Uint32Array;
  /** Rows through all tables. [R, K] */
  readonly rows?: Uint32Array | undefined;
}

/** Uploads table rows. `gradient`: whether the model is being trained. */
export function tableInputs(
  device: Device,
  { ids, rows }: TableRows,
  ngrams: NgramHashConfig | undefined,
  gradient: boolean,
): ByteInputs {
  const tokens = GatherIndex.from(device, ids, { rows: VOCABULARY, gradient });
  if (!ngrams || !rows) return { tokens, ngrams: undefined };
  const perRow = ngrams.sizes.length * ngrams.functions;
  const all = { rows: perRow * ngrams.rows, perRow, gradient };
  return { tokens, ngrams: GatherIndex.from(device, rows, all) };
}

/** Uploads the table rows of ids; n-grams do not reach from row to row. */
export function byteInputs(
  device: Device,
  { ids, lengths }: HostRows,
  ngrams: NgramHashConfig | undefined,
  gradient: boolean,
): ByteInputs {
  if (!ngrams) return tableInputs(device, { ids }, ngrams, gradient);
  const perRow = ngrams.sizes.length * ngrams.functions;
  const rows = new Uint32Array(ids.length * perRow);
  let at = 0;
  for (const length of lengths) {
    const row = ids.subarray(at, at + length);
    rows.set(ngramRows(row, ngrams, { stacked: true }), at * perRow);
    at += length;
  }
  return tableInputs(device, { ids, rows }, ngrams, gradient);
}

/** Units as a causal sequence with a window, per document. */
export function sequenceOf(
  device: Device,
  { documents }: Units,
  { window }: Pick<TransformerConfig, "window">,
  table: Tensor,
  count: number = documents.length,
): Sequence {
  const positions = new Uint32Array(count);
  // Units that only fill up see nothing: their interval is empty.
  const lo = new Uint32Array(count).fill(documents.length);
  const hi = new Uint32Array(count).fill(documents.length);
  documents.forEach((document, unit) => {
    positions[unit] = unit - document;
    lo[unit] = Math.max(document, unit + 1 - window);
    hi[unit] = unit + 1;
  });
  return {
    positions: Tensor.from(device, [count], positions),
    intervals: Intervals.from(device, { lo, hi }, count),
    table,
  };
}

/** Uploads where the units of each row are; the last row has what fills up. */
export function unitRowsOf(
  device: Device,
  { lengths, documents }: Units,
  count: number = documents.length,
): UnitRows {
  const firsts = [0];
  for (const length of lengths) firsts.push(firsts.at(-1)! + length);
  firsts[lengths.length] = count;
  const filled = Uint32Array.from({ length: count }, (_, unit) => unit);
  filled.set(documents);
  const counts = Uint32Array.from(lengths);
  return {
    firsts,
    counts: Tensor.from(device, [lengths.length], counts),
    documents: Tensor.from(device, [count], filled),
  };
}

/** Uploads a grouping of units, rounded up with empty groups. */
export function poolingOf(
  device: Device,
  { bounds, readable, groups }: Grouping,
  slots: number,
  config: Pick<TransformerConfig, "window">,
  table: Tensor,
): Pooling {
  const units = readable.length;
  const groupCount = PATCH_MULTIPLE *
    Math.ceil((bounds.length - 1) / PATCH_MULTIPLE);
  const filled = new Uint32Array(groupCount + 1).fill(units);
  filled.set(bounds);
  const ends = filled.subarray(1);
  const starts = filled.subarray(0, -1);
  const slotsSee = slotsSeeBytes(filled, slots);
  const unitsSee = bytesSeeSlots(readable, slots);
  return {
    segments: Segments.fromRanges(device, starts, ends, units),
    slotsSee: Intervals.from(device, slotsSee, units),
    unitsSee: Intervals.from(device, unitsSee, groupCount * slots),
    sequence: sequenceOf(device, groups, config, table, groupCount),
  };
}
