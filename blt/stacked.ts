import {
  add,
  crossEntropy,
  type Device,
  type Groups,
  lastOf,
  mul,
  Rng,
  tally,
  Tensor,
  tokenNats,
  trackQuantile,
  type UnitRows,
} from "../tensor/mod.ts";
import { attendWithin, type Sequence } from "../nn/mod.ts";
import { type PatchedRows, tableOf, unitRowsOf } from "./batch.ts";
import { Blt, type BltBatch, type BltTables } from "./blt.ts";
import { checkStacked, type StackedConfig } from "./config.ts";
import {
  type BatchOptions,
  type Feed,
  type Lesson,
  nextId,
  type Teach,
} from "./lesson.ts";
import { groupCapacity, Level } from "./level.ts";
import { byteCosts, groupCosts, type UnitCosts } from "./uncertainty.ts";
import { byteUnits, extentOf, groupUnits, type RowExtent } from "./units.ts";

/** Units of one level on the device. */
interface LevelUnits {
  /** Where the units of each row are. */
  readonly rows: UnitRows;
  /** The units as a sequence. */
  readonly sequence: Sequence;
  /** Of its rows. */
  readonly extent: RowExtent;
  /** Entropy of the byte behind each unit, where levels go by that. [R] */
  readonly seam: Tensor | undefined;
}

/** A batch on the device. */
interface StackedBatch extends BltBatch {
  /** Patches as units of the next level, if there is one. */
  readonly units: Omit<LevelUnits, "seam"> | undefined;
  /** Entropy of the next id at each position, where it is known. [R] */
  readonly entropies: Tensor | undefined;
}

/** What one level did in a forward pass. */
interface LevelTrace {
  readonly level: Level;
  readonly units: LevelUnits;
  readonly scores: Tensor;
  readonly groups: Groups;
}

/** Rotary tables of a {@linkcode StackedBlt}. */
interface StackedTables extends BltTables {
  /** For the groups of each level. */
  readonly levels: readonly Tensor[];
}

/**
 * BLT with groups of patches, and groups of those: each level groups the units
 * below by how uncertain the next one is. Without further levels it is BLT.
 */
export class StackedBlt {
  /** Sizes. */
  readonly config: StackedConfig;
  /** Level 1. Its latent transformer comes before the next level. */
  readonly blt: Blt;
  /** Level 2 and up. */
  readonly levels: readonly Level[];
  /** Groups and starts without room, for each further level. */
  readonly metricNames: readonly string[];

  /** Initial weights come from `rng`. Throws a `RangeError` on a bad config. */
  constructor(config: StackedConfig, rng: Rng = new Rng(0)) {
    this.config = checkStacked(config);
    this.blt = new Blt(config.blt, rng);
    let unitBytes = config.patchBytes;
    this.levels = config.levels.map((level) => {
      const made = new Level(level, { unitBytes, rng });
      unitBytes *= level.grouping.target;
      return made;
    });
    this.metricNames = this.levels.flatMap((_, i) => [
      `groups of level ${i + 2}`,
      `overflow of level ${i + 2}`,
    ]);
  }

  /** Rotary tables for rows of at most `positions` ids. */
  #tables(device: Device, positions: number): StackedTables {
    const levels = this.levels.map(({ config: { trunk } }) =>
      tableOf(device, trunk, positions)
    );
    return { ...this.blt.tables(device, positions), levels };
  }

  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed {
    const tables = this.#tables(device, positions);
    return (rows) => {
      const batch = this.#batch(device, rows, tables, options);
      return this.#forward(batch, tables).logits;
    };
  }

  /** Readies training on rows of at most `positions` ids. */
  teach(device: Device, positions: number): Teach {
    const tables = this.#tables(device, positions);
    return {
      upload: (rows) => this.#batch(device, rows, tables),
      learn: (batch: StackedBatch, targets) => {
        const { logits, traces } = this.#forward(batch, tables);
        return this.#lesson(logits, targets, batch, traces);
      },
    };
  }

  #batch(
    device: Device,
    rows: PatchedRows,
    tables: StackedTables,
    options?: BatchOptions,
  ): StackedBatch {
    const batch = this.blt.batch(device, rows, tables, options);
    const { entropies } = rows;
    const climbs = this.levels.length > 0;
    return {
      ...batch,
      units: climbs ? this.#patchUnits(device, rows, batch) : undefined,
      entropies: climbs && entropies
        ? Tensor.from(device, [entropies.length], entropies)
        : undefined,
    };
  }

  #forward(
    batch: StackedBatch,
    tables: StackedTables,
  ): { logits: Tensor; traces: readonly LevelTrace[] } {
    const { blt } = this;
    const { units, entropies, patches: { sequence, segments } } = batch;
    const traces: LevelTrace[] = [];
    const { heads } = blt.config.latent;
    const logits = blt.through(
      blt.embedding.forward(batch.inputs),
      batch,
      (pooled) => {
        const patches = blt.think(pooled, attendWithin(sequence, heads));
        if (!units) return patches;
        const seam = entropies && lastOf(entropies, segments);
        return this.#climb(patches, { ...units, seam }, tables, traces);
      },
    );
    return { logits, traces };
  }

  /** Patches as units of the next level. */
  #patchUnits(
    device: Device,
    { ids, lengths, starts }: PatchedRows,
    { patches }: BltBatch,
  ): Omit<LevelUnits, "seam"> {
    const bytes = byteUnits(ids, lengths);
    const { groups } = groupUnits(bytes, starts);
    return {
      rows: unitRowsOf(device, groups, patches.segments.count),
      sequence: patches.sequence,
      extent: grouped(extentOf(bytes), this.config.patchBytes),
    };
  }

  /** Runs all further levels on units x: [R, D] -> [R, D] */
  #climb(
    x: Tensor,
    units: LevelUnits,
    tables: StackedTables,
    traces: LevelTrace[],
  ): Tensor {
    const depth = traces.length;
    const level = this.levels[depth];
    if (!level) return x;
    const { reader, trunk } = level.config;
    const scores = this.#scores(level, x, units);
    const groups = level.group(units.rows, scores, units.extent);
    traces.push({ level, units, scores, groups });

    const table = tables.levels[depth]!;
    const { positions, intervals, segments } = groups;
    const sequence = { positions, intervals, table };
    const pooled = level.pool.forward(x, groups);
    const inner = level.trunk.forward(
      level.input?.forward(pooled) ?? pooled,
      attendWithin(sequence, trunk.heads),
    );
    const outer = this.#climb(
      inner,
      {
        rows: groups.units,
        sequence,
        extent: grouped(units.extent, level.config.grouping.target),
        seam: units.seam && lastOf(units.seam, segments),
      },
      tables,
      traces,
    );
    return level.reader.forward(
      x,
      level.reader.keysValues(outer),
      groups.unitsSee,
      attendWithin(units.sequence, reader.heads),
    );
  }

  /** How uncertain the unit after each is: [R, D] -> [R] */
  #scores({ cost, config }: Level, x: Tensor, { seam }: LevelUnits): Tensor {
    if (cost) return cost.forward(x);
    if (config.uncertainty.kind === "fixed") {
      return Tensor.empty(x.device, [x.shape[0]!]); // is not read
    }
    if (seam) return seam;
    throw new RangeError(
      "Cannot group by entropy at the seam: expected patches from an entropy model",
    );
  }

  #lesson(
    logits: Tensor,
    targets: Tensor,
    batch: BltBatch,
    traces: readonly LevelTrace[],
  ): Lesson {
    if (traces.length === 0) return nextId(logits, targets);
    const nats = crossEntropy(logits, targets);
    let loss = nats;
    let costs: UnitCosts = groupCosts(
      byteCosts(tokenNats(logits.view(), targets)),
      batch.patches.segments,
    );
    for (const { level, units, scores, groups } of traces) {
      const { uncertainty } = level.config;
      if (level.cost && uncertainty.kind === "cost") {
        const { positions } = units.sequence;
        const wrong = level.cost.loss(scores, costs, positions);
        loss = add(loss, mul(wrong, uncertainty.weight));
      }
      costs = groupCosts(costs, groups.segments);
    }
    return {
      nats,
      loss,
      metrics: traces.flatMap(({ groups }) => [
        tally(groups.units.counts),
        tally(groups.overflow),
      ]),
      finish: (rate) => {
        for (const { level, units, scores, groups } of traces) {
          const { grouping, uncertainty } = level.config;
          if (uncertainty.kind === "fixed") continue;
          trackQuantile(level.threshold.value, scores, {
            rate,
            documents: units.rows.documents,
            groups: groups.units.counts,
            rule: grouping.rule,
            lookback: false,
            quantile: 1 - 1 / grouping.target,
          });
        }
      },
    };
  }
}

/** Extent of rows of groups. */
function grouped(extent: RowExtent, target: number): RowExtent {
  return { ...extent, units: groupCapacity(target, extent) };
}
