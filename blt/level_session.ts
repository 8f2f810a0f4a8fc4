import type { Device, Scope, Tensor } from "../tensor/mod.ts";
import { KvCache } from "../nn/mod.ts";
import { UnitGrouper } from "./host_grouping.ts";
import type { Level } from "./level.ts";
import { OpenGroups } from "./open_groups.ts";

/** What is known of new units beside their vectors. */
export interface NewUnits {
  /** [n, D] */
  readonly x: Tensor;
  /** Entropy of the byte behind each, where levels go by that. */
  readonly seams?: readonly number[] | undefined;
}

/**
 * One level during generation: groups units as they come, runs its trunk once
 * for each closed group, and lets the units read what is closed. Its memory
 * belongs to the scope in which it is made, which lasts.
 */
export class LevelSession {
  /** For each unit read, whether the next one starts a group. */
  readonly starts: boolean[] = [];
  readonly #level: Level;
  readonly #grouper: UnitGrouper;
  readonly #groups: OpenGroups;
  readonly #trunk: KvCache;
  readonly #reader: KvCache;
  /** Entropies behind the groups that the present units close. */
  #seams: readonly number[] | undefined;

  /** Before the first unit. `above`: the next level, if there is one. */
  constructor(
    level: Level,
    device: Device,
    threshold: number,
    above: LevelSession | undefined,
  ) {
    const { grouping, uncertainty, trunk, reader } = level.config;
    this.#level = level;
    this.#grouper = new UnitGrouper({
      rule: grouping.rule,
      lookback: false,
      most: grouping.most,
      every: uncertainty.kind === "fixed" ? Math.round(grouping.target) : 0,
      threshold,
    });
    this.#trunk = new KvCache(device, trunk);
    this.#reader = new KvCache(device, reader);
    this.#groups = new OpenGroups(
      device,
      reader.dim,
      level,
      (pooled, scope) => {
        const x = scope.run(() => {
          const attend = this.#trunk.extend(pooled.shape[0]!);
          const input = level.input?.forward(pooled) ?? pooled;
          return level.trunk.forward(input, attend);
        });
        return above
          ? above.read({ x, seams: this.#seams }, scope)
          : Promise.resolve(x);
      },
    );
  }

  /** Groups closed so far; the trunk ran once for each. */
  get groups(): number {
    return this.#groups.closed;
  }

  /**
   * Units that have read the groups: [n, D] -> [n, D]. What it gives belongs to
   * `scope`.
   */
  async read({ x, seams }: NewUnits, scope: Scope): Promise<Tensor> {
    const { reader } = this.#level;
    const count = x.shape[0]!;
    const ends = await this.#ends(x, seams, scope);
    this.#seams = seams?.filter((_, i) => ends[i]);
    const { keysValues, unitsSee } = await this.#groups.read(
      x,
      ends,
      scope,
    );
    return scope.run(() =>
      reader.forward(x, keysValues, unitsSee, this.#reader.extend(count))
    );
  }

  /** Of each unit, whether its group ends with it. */
  async #ends(
    x: Tensor,
    seams: readonly number[] | undefined,
    scope: Scope,
  ): Promise<boolean[]> {
    const { cost } = this.#level;
    const count = x.shape[0]!;
    const scores = cost
      ? await scope.run(() => cost.forward(x).data())
      : seams ?? new Float32Array(count);
    const ends = Array.from(scores, (score) => this.#grouper.push(score));
    this.starts.push(...ends);
    return ends;
  }
}
