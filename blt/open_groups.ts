import {
  bytesSeeSlots,
  concat,
  type Device,
  Intervals,
  Scope,
  Segments,
  slotsSeeBytes,
  storeRows,
  Tensor,
} from "../tensor/mod.ts";
import type { Pool } from "./pool.ts";
import type { Reader } from "./reader.ts";

/** Units whose group is open that there is room for at first. */
const ROOM = 64;

/** What new units may read. */
export interface Readable {
  /** Keys and values of the slots of some groups, by layer. */
  readonly keysValues: readonly Tensor[];
  /** Slots that each new unit sees. */
  readonly unitsSee: Intervals;
}

/** The layers between the units of one level and their groups. */
export interface GroupLayers {
  /** Units to groups. */
  readonly pool: Pool;
  /** Units that read groups. */
  readonly reader: Reader;
}

/**
 * Pooled groups to what units read, in a scope for what is made on the way:
 * [P, k D] -> [P, .]
 */
export type Think = (pooled: Tensor, scope: Scope) => Promise<Tensor>;

/**
 * The groups of one level during generation: the units of the open one, and
 * what the newest closed one left to be read. Its memory belongs to the scope
 * in which it is made, which lasts.
 */
export class OpenGroups {
  /** Groups closed so far. */
  closed = 0;
  readonly #home = Scope.current;
  readonly #device: Device;
  readonly #layers: GroupLayers;
  readonly #think: Think;
  /** Units of the open group, at the front. [room, D] */
  #open: Tensor;
  #units = 0;
  /** Keys and values of the newest closed group, by layer. [k, 2 D] each */
  readonly #newest: readonly Tensor[];
  /** Whether `#newest` holds something that may be read. */
  #readable: boolean;

  /**
   * Before the first unit, of `dim` features. `nothing`, if given, is read
   * while no group is closed: [1, .]
   */
  constructor(
    device: Device,
    dim: number,
    layers: GroupLayers,
    think: Think,
    nothing?: Tensor,
  ) {
    this.#device = device;
    this.#layers = layers;
    this.#think = think;
    this.#open = Tensor.empty(device, [ROOM, dim]);
    const { cross, transformer: { config } } = layers.reader;
    this.#newest = cross.map(() =>
      Tensor.empty(device, [layers.pool.slots, 2 * config.dim])
    );
    this.#readable = nothing !== undefined;
    if (nothing) {
      using _scope = new Scope();
      layers.reader.keysValues(nothing).forEach((rows, layer) =>
        storeRows(this.#newest[layer]!, rows, { at: 0 })
      );
    }
  }

  /**
   * Adds units, x: [n, D]. `ends` tells of each whether its group ends with
   * it, or, with `lookback`, whether that of the unit before it does. What it
   * gives belongs to `scope`.
   */
  async read(
    x: Tensor,
    ends: readonly boolean[],
    scope: Scope,
    { lookback = false }: { readonly lookback?: boolean } = {},
  ): Promise<Readable> {
    const before = this.#units;
    const first = this.#readable ? 1 : 0; // where new groups begin
    let closed = 0;
    const bounds = [0];
    const reads = Uint32Array.from(ends, (end, i) => {
      if (end) {
        closed += 1;
        bounds.push(before + i + (lookback ? 0 : 1));
      }
      return first + closed - 1;
    });
    scope.run(() => this.#append(x));
    const keysValues = closed === 0
      ? this.#newest
      : await this.#close(Uint32Array.from(bounds), scope);
    const { slots } = this.#layers.pool;
    const keys = keysValues[0]?.shape[0] ?? 0;
    const seen = bytesSeeSlots(reads, slots);
    const unitsSee = scope.run(() => Intervals.from(this.#device, seen, keys));
    return { keysValues, unitsSee };
  }

  /** Adds units to the open group. */
  #append(x: Tensor): void {
    const [count = 0, dim = 0] = x.shape;
    const [room = 0] = this.#open.shape;
    const needed = this.#units + count;
    if (needed > room) {
      const larger = Tensor.empty(this.#device, [2 * needed, dim]);
      storeRows(larger, this.#open, { at: 0, rows: this.#units });
      this.#replace(larger);
    }
    storeRows(this.#open, x, { at: this.#units });
    this.#units = needed;
  }

  /**
   * Runs the groups between `bounds`; the units behind them stay open. Gives
   * the keys and values of the newest group before and of all of these.
   */
  async #close(bounds: Uint32Array, scope: Scope): Promise<readonly Tensor[]> {
    const count = bounds.length - 1;
    const end = bounds[count]!;
    const pooled = scope.run(() => this.#pooled(bounds, end));
    const outputs = await this.#think(pooled, scope);
    this.closed += count;
    return scope.run(() => {
      this.#dropUnits(end);
      const { pool, reader } = this.#layers;
      const fresh = reader.keysValues(outputs);
      const all = this.#readable
        ? fresh.map((rows, layer) => concat([this.#newest[layer]!, rows], 0))
        : fresh;
      const from = (count - 1) * pool.slots;
      fresh.forEach((rows, layer) =>
        storeRows(this.#newest[layer]!, rows, { at: 0, from })
      );
      this.#readable = true;
      return all;
    });
  }

  /** The open units before `end`, pooled in the groups between `bounds`. */
  #pooled(bounds: Uint32Array, end: number): Tensor {
    const { pool } = this.#layers;
    const device = this.#device;
    const units = this.#open.view([end, this.#open.shape[1]!]);
    const segments = Segments.fromRanges(
      device,
      bounds.subarray(0, -1),
      bounds.subarray(1),
      end,
    );
    const seen = slotsSeeBytes(bounds, pool.slots);
    const slotsSee = Intervals.from(device, seen, end);
    return pool.forward(units, { segments, slotsSee });
  }

  /** Forgets the first `count` open units. */
  #dropUnits(count: number): void {
    const rest = this.#units - count;
    if (rest > 0) {
      const next = Tensor.empty(this.#device, this.#open.shape);
      storeRows(next, this.#open, { at: 0, from: count, rows: rest });
      this.#replace(next);
    }
    this.#units = rest;
  }

  /** Swaps the room for open units; the new one outlives the present scope. */
  #replace(room: Tensor): void {
    this.#open.dispose();
    this.#open = this.#home?.adopt(room) ?? room;
  }
}
