import { checkNumber, type Device, MAX_SEGMENT } from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import { checkIndices, checkOperands } from "./operands.ts";
import { Tensor } from "./tensor.ts";

/** Tensors that describe {@linkcode Segments}. */
export interface SegmentTensors {
  /** First row of each segment (u32): [P]. */
  readonly starts: Tensor;
  /** End of each segment, not included (u32): [P]. */
  readonly ends: Tensor;
  /** Segment of each row (u32), P or more outside of all: [R]. */
  readonly ids: Tensor;
}

/**
 * Runs of neighbouring rows, in order, without overlap: patches. Segments may
 * be empty, and rows may lie outside of all segments.
 */
export class Segments implements SegmentTensors, Disposable {
  readonly starts: Tensor;
  readonly ends: Tensor;
  readonly ids: Tensor;

  /**
   * Takes tensors made on the device, which must agree with each other. Throws a
   * `DTypeError` unless they are indices, and a `ShapeError` unless there are as
   * many starts as ends.
   */
  constructor({ starts, ends, ids }: SegmentTensors) {
    const all = [starts, ends, ids];
    checkOperands("Segments", all, { dtypes: ["u32", "u32", "u32"] });
    if (starts.size !== ends.size) {
      throw new ShapeError(
        "Segments",
        [starts.shape, ends.shape],
        "expected as many ends as starts",
      );
    }
    this.starts = starts;
    this.ends = ends;
    this.ids = ids;
  }

  /** Number of segments, P. */
  get count(): number {
    return this.starts.size;
  }

  /** Number of rows, R. */
  get rows(): number {
    return this.ids.size;
  }

  /**
   * Segments that begin and end at the given rows, among `rows` rows.
   *
   * Throws a `RangeError` when segments overlap, are out of order, reach
   * beyond the rows, or are longer than 65,535 rows.
   */
  static fromRanges(
    device: Device,
    starts: Uint32Array,
    ends: Uint32Array,
    rows: number,
  ): Segments {
    checkNumber("use segments of rows", rows, { whole: true, least: 0 });
    checkIndices("Segments", starts, ends);
    if (starts.length !== ends.length) {
      throw new RangeError(
        `Cannot use segments: expected as many ends as starts, got ${ends.length} and ${starts.length}`,
      );
    }
    const ids = new Uint32Array(rows).fill(starts.length);
    let last = 0;
    for (let p = 0; p < starts.length; p++) {
      const [start, end = 0] = [starts[p]!, ends[p]];
      const length = end - start;
      if (length === 0) continue;
      if (length < 0 || length > MAX_SEGMENT || start < last || end > rows) {
        throw new RangeError(
          `Cannot use segment ${p}: expected at most ${MAX_SEGMENT} rows between ${last} and ${rows}, got ${start} to ${end}`,
        );
      }
      ids.fill(p, start, end);
      last = end;
    }
    return upload(device, starts, ends, ids);
  }

  /**
   * Segments given by the segment of each row, `count` in all; rows with an id
   * of `count` or more lie outside of all.
   *
   * Throws a `RangeError` when the ids below `count` decrease, or when the rows
   * of one segment are not neighbours or more than 65,535.
   */
  static fromIds(device: Device, ids: Uint32Array, count: number): Segments {
    checkNumber("make segments of count", count, { whole: true, least: 0 });
    checkIndices("Segments", ids);
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    let last = -1;
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row]!;
      if (id >= count) continue;
      if (id !== last) starts[id] = row;
      const joined = id > last || ends[id] === row;
      if (id < last || !joined || row - starts[id]! >= MAX_SEGMENT) {
        throw new RangeError(
          `Cannot put row ${row} into segment ${id}: expected ids in order, at most ${MAX_SEGMENT} neighbours alike, got ${id} after ${last}`,
        );
      }
      ends[id] = row + 1;
      last = id;
    }
    return upload(device, starts, ends, ids);
  }

  /** Frees the tensors. */
  [Symbol.dispose](): void {
    this.starts.dispose();
    this.ends.dispose();
    this.ids.dispose();
  }
}

function upload(
  device: Device,
  starts: Uint32Array,
  ends: Uint32Array,
  ids: Uint32Array,
): Segments {
  return new Segments({
    starts: Tensor.from(device, [starts.length], starts),
    ends: Tensor.from(device, [ends.length], ends),
    ids: Tensor.from(device, [ids.length], ids),
  });
}
