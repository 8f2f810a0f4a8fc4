import {
  ByteTransformer,
  EndToEndBlt,
  type PatchedRows,
  patchIds,
  patchRows,
  type Pooling,
  type StackedBlt,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  bytesSeeSlots,
  concat,
  type Device,
  entropy,
  Intervals,
  noGrad,
  Rng,
  Scope,
  slice,
  Tensor,
} from "../../tensor/mod.ts";
import { Draw } from "../support/for_all.ts";
import {
  bytesConfig,
  CONTEXT,
  drawRow,
  joined,
  type Subject,
} from "./subject.ts";

/** UnitGroups of the units of one level, and which of them units may read. */
export type UnitGroups = Pick<Pooling, "segments" | "unitsSee">;

/** Lets `change` see, and replace, the groups of each level, lowest first. */
export function intercept(
  model: EndToEndBlt | StackedBlt,
  change: <G extends UnitGroups>(groups: G) => G,
): void {
  if (model instanceof EndToEndBlt) {
    const { blt } = model;
    const through = blt.through.bind(blt);
    blt.through = (x, batch, think) =>
      through(x, { ...batch, patches: change(batch.patches) }, think);
    return;
  }
  for (const level of model.levels) {
    const group = level.group.bind(level);
    level.group = (...units) => change(group(...units));
  }
}

/** The groups of one level on the host. */
export interface Known {
  /** Group of each unit. */
  readonly ids: Uint32Array;
  /** Group that each unit reads. */
  readonly readable: Uint32Array;
}

/** Reads groups from the device. */
export async function knownOf(
  { segments, unitsSee }: UnitGroups,
  slots: number,
): Promise<Known> {
  const ids = await segments.ids.indices();
  const sees = await unitsSee.ofQueries.indices();
  return { ids, readable: ids.map((_, unit) => sees[2 * unit]! / slots) };
}

/** Options of {@linkcode grouped}. */
export interface GroupedOptions {
  /** What units read instead, to see whether that is noticed. */
  readonly readable?: (known: Known) => Uint32Array;
}

/**
 * For each row, what is known behind each id: bit l is set when that starts a
 * unit of level l + 1; or, with `lookback`, when the id itself does.
 */
function startsOf(
  { lengths, starts }: PatchedRows,
  levels: readonly Known[],
  lookback: boolean,
): Uint8Array[] {
  let at = 0;
  let patches = 0;
  return lengths.map((length, row) => {
    const flags = starts[row];
    const ids = flags && patchIds(flags);
    const found = new Uint8Array(length + 1);
    for (let p = 0; p < length; p++) {
      let closed = flags?.[p + 1] !== 0;
      let bit = 1;
      if (flags && closed) found[p + 1]! += bit;
      if (flags) bit *= 2;
      let unit = ids ? patches + ids[p]! : at + p;
      for (const { ids, readable } of levels) {
        closed &&= lookback
          ? ids[unit] !== ids[unit - 1]
          : ids[unit] === readable[unit];
        if (closed) found[p + 1]! += bit;
        unit = ids[unit]!;
        bit *= 2;
      }
    }
    at += length;
    patches += ids ? ids.at(-1)! + 1 : 0;
    return found;
  });
}

/**
 * A model that groups units itself, on random weights and with thresholds in
 * the middle of its scores; belongs to the open scope. Its outcomes tell the
 * starts of all levels, one bit for each, behind the id that they depend on.
 */
export async function grouped(
  device: Device,
  model: EndToEndBlt | StackedBlt,
  { readable }: GroupedOptions = {},
): Promise<Subject> {
  const { slots } = model.blt.config;
  const lookback = model instanceof EndToEndBlt && model.lookback;
  const heard: UnitGroups[] = [];
  const changes: Intervals[] = [];
  intercept(model, (groups) => {
    heard.push(groups);
    return { ...groups, unitsSee: changes.shift() ?? groups.unitsSee };
  });
  const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
  placeWeights(entropyModel, device);
  placeWeights(model, device);
  const entropies = entropyModel.feed(device, CONTEXT, { gradient: false });
  const feed = model.feed(device, CONTEXT, { gradient: false });
  const teach = model.teach(device, CONTEXT);

  const patched = async (
    rows: readonly Uint32Array[],
  ): Promise<PatchedRows> => {
    const host = joined(rows);
    const found = noGrad(() => entropy(entropies({ ...host, starts: [] })));
    return patchRows(
      { ...host, entropies: await found.data() },
      model.config,
    );
  };

  // A level's groups must be right before those above can be.
  const levels = model instanceof EndToEndBlt ? 1 : model.levels.length;
  for (let level = 0; level < levels; level++) {
    using _scope = new Scope();
    const rows = await patched([drawRow(new Draw(1000), CONTEXT)]);
    const targets = Tensor.from(device, [CONTEXT], rows.ids);
    teach.learn(teach.upload(rows, Infinity), targets).finish?.();
  }

  return async (rows) => {
    using _scope = new Scope();
    const given = await patched(rows);
    heard.length = 0;
    let logits = noGrad(() => feed(given));
    const known = await Promise.all(heard.map((it) => knownOf(it, slots)));
    if (readable) {
      known.forEach((level, i) => {
        const keys = heard[i]!.unitsSee.ofKeys.shape[0]!;
        const { lo, hi } = bytesSeeSlots(readable(level), slots);
        const ends = {
          lo: lo.map((end) => Math.min(end, keys)),
          hi: hi.map((end) => Math.min(end, keys)),
        };
        changes.push(Intervals.from(device, ends, keys));
      });
      logits = noGrad(() => feed(given));
    }
    const all = await logits.data();
    const starts = startsOf(given, known, lookback);
    let at = 0;
    return rows.map(({ length }, row) => ({
      starts: starts[row]!,
      logits: all.subarray(260 * at, 260 * (at += length)),
    }));
  };
}

/** Each score is that of the unit after it. [R] -> [R] */
export function scoresOfNext(scores: Tensor): Tensor {
  const none = Tensor.from(scores.device, [1], [0]);
  return concat([slice(scores, [[1, scores.size]]), none], 0);
}
