import { checkNumber, type Device } from "../kernels/mod.ts";
import { checkIndices } from "./operands.ts";
import { Tensor } from "./tensor.ts";

/**
 * Bounds of uses are rounded up to this, so that batches of one size have the
 * same launches.
 */
const USES = 65_000;

/** How a {@linkcode GatherIndex} is read. */
export interface GatherOptions {
  /** Rows of the table that the ids point into. */
  readonly rows: number;
  /** Ids that belong to one row of the result; default 1. */
  readonly perRow?: number;
  /** Whether gradients will be asked for; default true. */
  readonly gradient?: boolean;
}

/** For each table row, which rows of the result used it. */
export interface GatherInverse {
  /** Rows of the result, by table row and then ascending. */
  readonly order: Tensor;
  /** Where in `order` each table row begins, and the end: [rows + 1]. */
  readonly offsets: Tensor;
  /** An upper bound of the uses of one table row. */
  readonly longest: number;
}

/** Which rows of a table are summed into which row of a result. */
export class GatherIndex implements Disposable {
  /** Rows of the table. */
  readonly rows: number;
  /** Ids of one row of the result. */
  readonly perRow: number;
  /** Table rows (u32): [results, perRow]. */
  readonly ids: Tensor;
  /** What gradients need; absent when they were not wanted. */
  readonly inverse: GatherInverse | undefined;

  private constructor(
    ids: Tensor,
    rows: number,
    inverse: GatherInverse | undefined,
  ) {
    this.ids = ids;
    this.rows = rows;
    this.perRow = ids.shape[1]!;
    this.inverse = inverse;
  }

  /**
   * Uploads `ids`, `perRow` for each row of the result in order, and groups
   * their uses, so that gradients need no atomic additions.
   *
   * Throws a `RangeError` for an id that is not below `rows`, or a number of
   * ids that is no multiple of `perRow`.
   */
  static from(
    device: Device,
    ids: Uint32Array,
    { rows, perRow = 1, gradient = true }: GatherOptions,
  ): GatherIndex {
    checkNumber("index a table with rows", rows, { whole: true, least: 0 });
    checkNumber("index a table with perRow", perRow, { whole: true, least: 1 });
    checkIndices("GatherIndex", ids);
    if (ids.length % perRow !== 0) {
      throw new RangeError(
        `Cannot index a table: expected a multiple of ${perRow} ids, got ${ids.length}`,
      );
    }
    const wrong = ids.findIndex((id) => id >= rows);
    if (wrong >= 0) {
      throw new RangeError(
        `Cannot index a table of ${rows} rows: expected ids below that, got ${
          ids[wrong]
        } at ${wrong}`,
      );
    }
    return new GatherIndex(
      Tensor.from(device, [ids.length / perRow, perRow], ids),
      rows,
      gradient ? invert(device, ids, rows, perRow) : undefined,
    );
  }

  /** Frees the tensors. */
  [Symbol.dispose](): void {
    this.ids.dispose();
    this.inverse?.order.dispose();
    this.inverse?.offsets.dispose();
  }
}

/** Counting sort of the uses by id; stable, so sums have a fixed order. */
function invert(
  device: Device,
  ids: Uint32Array,
  rows: number,
  perRow: number,
): GatherInverse {
  const offsets = new Uint32Array(rows + 1);
  for (let i = 0; i < ids.length; i++) offsets[ids[i]! + 1]! += 1;
  let longest = 0;
  for (let row = 1; row <= rows; row++) {
    longest = Math.max(longest, offsets[row]!);
    offsets[row]! += offsets[row - 1]!;
  }
  const next = offsets.slice();
  const order = new Uint32Array(ids.length);
  for (let start = 0; start < ids.length; start += perRow) {
    const result = start / perRow;
    for (let i = start; i < start + perRow; i++) {
      order[next[ids[i]!]!++] = result;
    }
  }
  return {
    order: Tensor.from(device, [ids.length], order),
    offsets: Tensor.from(device, [rows + 1], offsets),
    longest: USES * Math.ceil(longest / USES),
  };
}
