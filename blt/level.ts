import {
  groupByScores,
  type Groups,
  type Rng,
  type Tensor,
  type UnitRows,
} from "../tensor/mod.ts";
import { filled, Linear, type Parameter, Transformer } from "../nn/mod.ts";
import type { LevelConfig } from "./config.ts";
import { Pool } from "./pool.ts";
import { Reader } from "./reader.ts";
import { CostHead } from "./uncertainty.ts";
import type { RowExtent } from "./units.ts";

/** Room for groups beyond the wanted number, as a share of it. */
const SPARE = 1.5;

/**
 * Groups that there is room for in a row: more than are wanted, and in any case
 * those that each document starts, one in front of it included.
 */
export function groupCapacity(
  target: number,
  { units, documents }: RowExtent,
): number {
  const wanted = Math.ceil(SPARE * units / target) + 3 * documents;
  return Math.min(units + documents, wanted);
}

/** Options of a {@linkcode Level}. */
export interface LevelOptions {
  /** Wanted mean bytes in a unit. */
  readonly unitBytes: number;
  /** Source of the initial weights. */
  readonly rng: Rng;
}

/**
 * One more level of patches: groups units by how uncertain the next one is,
 * runs a transformer over the groups, and lets the units read them.
 *
 * What it adds starts as zero, so a new level leaves a trained model as it was.
 */
export class Level {
  /** Sizes. */
  readonly config: LevelConfig;
  /** Threshold of the scores, and steps it was tracked for. [2] */
  readonly threshold: Parameter;
  /** Forecasts costs; absent for other kinds of uncertainty. */
  readonly cost: CostHead | undefined;
  /** Units to groups. */
  readonly pool: Pool;
  /** Slots of a group to the trunk's width; absent where they are equal. */
  readonly input: Linear | undefined;
  /** Blocks over groups. */
  readonly trunk: Transformer;
  /** Blocks over units, that read groups. */
  readonly reader: Reader;

  /** Units have as many features as `config.reader`. */
  constructor(config: LevelConfig, { unitBytes, rng }: LevelOptions) {
    const { uncertainty, trunk, reader, slots } = config;
    const { dim } = reader;
    this.config = config;
    this.threshold = filled([2], 0);
    this.cost = uncertainty.kind === "cost"
      ? new CostHead(dim, { of: uncertainty.of, unitBytes, rng })
      : undefined;
    this.pool = new Pool(reader, config, rng);
    this.input = slots * dim === trunk.dim
      ? undefined
      : new Linear(slots * dim, trunk.dim, { rng });
    this.trunk = new Transformer(trunk, rng);
    this.reader = new Reader(reader, trunk.dim, config, rng);
    for (const cross of this.reader.cross) cross.out.weight.initial.fill(0);
    for (const { attention, feedForward } of this.reader.transformer.blocks) {
      attention.out.weight.initial.fill(0);
      feedForward.down.weight.initial.fill(0);
    }
  }

  /** Groups units by their scores, [R]; rows extend to at most `extent`. */
  group(rows: UnitRows, scores: Tensor, extent: RowExtent): Groups {
    const { grouping, uncertainty, trunk, slots } = this.config;
    const { rule, most, target } = grouping;
    return groupByScores(rows, scores, {
      threshold: this.threshold.value,
      rule,
      lookback: false,
      most,
      every: uncertainty.kind === "fixed" ? Math.round(target) : 0,
      capacity: groupCapacity(target, extent),
      slots,
      window: trunk.window,
    });
  }
}
