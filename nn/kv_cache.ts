import {
  attendCached,
  checkNumber,
  type Device,
  rope,
  rotaryAngles,
  storeRows,
  Tensor,
} from "../tensor/mod.ts";
import { type Attend, checkHeads } from "./attention.ts";
import type { TransformerConfig } from "./transformer.ts";

/** What a cache keeps of one layer. */
interface LayerRows {
  /** Rotated keys and values of the latest rows. [2 window, 2 D] */
  rows: Tensor;
  /** Room to move them to. */
  spare: Tensor;
}

/**
 * Keys and values of earlier rows of one sequence, as far as the window of the
 * transformer reaches; so memory and time for a row stay the same however many
 * came before. Its memory belongs to the scope in which it is made.
 */
export class KvCache {
  readonly #config: TransformerConfig;
  readonly #device: Device;
  readonly #layers: readonly LayerRows[];
  /** Position of the row that comes next. */
  #position = 0;
  /** Rows kept, at the front of the memory. */
  #kept = 0;

  /**
   * An empty cache for the blocks of `config`. Throws a `RangeError` unless the
   * window has an end.
   */
  constructor(device: Device, config: TransformerConfig) {
    const { layers, dim, heads, window } = config;
    const whole = { whole: true, least: 1 };
    checkHeads(dim, heads);
    checkNumber("keep keys and values of window", window, whole);
    checkNumber("keep layers", layers, { ...whole, least: 0 });
    this.#config = config;
    this.#device = device;
    const rows = (): Tensor => Tensor.empty(device, [2 * window, 2 * dim]);
    this.#layers = Array.from(
      { length: layers },
      () => ({ rows: rows(), spare: rows() }),
    );
  }

  /** Most rows that may be added at once. */
  get most(): number {
    return this.#config.window;
  }

  /**
   * Makes room for `count` new rows, at most `most`, and gives the attention
   * that adds them: each sees itself and what is kept of those before it.
   */
  extend(count: number): Attend {
    const { heads, dim, window } = this.#config;
    const device = this.#device;
    this.#makeRoom(count);
    const at = this.#kept;
    const first = this.#position;
    this.#kept += count;
    this.#position += count;

    const table = this.#angles(first, count);
    const positions = Tensor.from(
      device,
      [count],
      Uint32Array.from({ length: count }, (_, i) => i),
    );
    const ends = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) {
      ends[2 * i] = Math.max(0, at + i + 1 - window);
      ends[2 * i + 1] = at + i + 1;
    }
    const seen = Tensor.from(device, [count, 2], ends);
    const longest = Math.min(window, at + count);
    return (qkv, layer) => {
      const rotated = rope(qkv, table, positions, { columns: 2 * dim });
      const { rows } = this.#layers[layer]!;
      storeRows(rows, rotated, { at, column: dim });
      return attendCached(rotated, rows, seen, { heads, longest });
    };
  }

  /** Moves what the window still reaches to the front when it gets full. */
  #makeRoom(count: number): void {
    const { window } = this.#config;
    checkNumber("add rows to a cache", count, { whole: true, least: 0 });
    if (count > window) {
      throw new RangeError(
        `Cannot add ${count} rows to a cache at once: expected at most ${window}`,
      );
    }
    if (this.#kept + count <= 2 * window) return;
    const from = this.#kept - (window - 1);
    for (const layer of this.#layers) {
      const { rows, spare } = layer;
      storeRows(spare, rows, { at: 0, from, rows: window - 1 });
      layer.rows = spare;
      layer.spare = rows;
    }
    this.#kept = window - 1;
  }

  /** Rotary angles of `count` positions from `first` on. [count, E] */
  #angles(first: number, count: number): Tensor {
    const { dim, heads, ropeTheta } = this.#config;
    const headWidth = dim / heads;
    const angles = rotaryAngles(first, count, { headWidth, theta: ropeTheta });
    return Tensor.from(this.#device, [count, headWidth], angles);
  }
}
