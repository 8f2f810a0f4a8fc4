import {
  attentionKernel,
  checkNumber,
  storeRowsKernel,
} from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import { checkOperands } from "./operands.ts";
import { Tensor } from "./tensor.ts";

const COUNT = { whole: true, least: 0 };
const HEADS = { whole: true, least: 1 };

/** Which rows and columns {@linkcode storeRows} copies. */
export interface StoreOptions {
  /** First row of the target that is replaced. */
  readonly at: number;
  /** First row of the source; default 0. */
  readonly from?: number;
  /** Rows copied; default all of the source from `from` on. */
  readonly rows?: number;
  /** First column of the source; default 0. */
  readonly column?: number;
}

/**
 * Replaces rows of `target` in place, outside of the tape.
 *
 * source: [R, S], target: [C, W], W columns of the source are read. Throws a
 * `ShapeError` unless both are matrices, a `RangeError` when a row or column lies
 * outside, and a `TypeError` when both are the same memory.
 */
export function storeRows(
  target: Tensor,
  source: Tensor,
  { at, from = 0, rows = source.shape[0]! - from, column = 0 }: StoreOptions,
): void {
  checkOperands("storeRows", [target, source]);
  if (target.shape.length !== 2 || source.shape.length !== 2) {
    const shapes = [target.shape, source.shape];
    throw new ShapeError("storeRows", shapes, "both must be matrices");
  }
  if (target.storage === source.storage) {
    throw new TypeError(
      "Cannot store rows: expected two tensors, got one and its own memory",
    );
  }
  // Each row that is generated comes by, so nothing is made for the checks.
  checkNumber("store rows with at", at, COUNT);
  checkNumber("store rows with from", from, COUNT);
  checkNumber("store rows with rows", rows, COUNT);
  checkNumber("store rows with column", column, COUNT);
  const [capacity = 0, width = 0] = target.shape;
  const [most = 0, stride = 0] = source.shape;
  if (
    at + rows > capacity || from + rows > most || column + width > stride
  ) {
    throw new RangeError(
      `Cannot store rows ${from} to ${
        from + rows
      } of [${most}, ${stride}] at row ${at} of [${capacity}, ${width}]: expected rows and columns inside both`,
    );
  }
  target.device.launch(storeRowsKernel, {
    rows: source.storage,
    table: target.storage,
  }, {
    count: rows * width,
    width,
    stride,
    column: from * stride + column,
    at,
  });
}

/** Options of {@linkcode attendCached}. */
export interface AttendCachedOptions {
  /** Heads, H. */
  readonly heads: number;
  /** Most keys that a query sees, or more. */
  readonly longest: number;
}

/**
 * Attention of new rows to cached keys and values; it has no gradient.
 *
 * qkv: [R, 3 D], of which the queries are read; cache: [C, 2 D]; ends: u32
 * [R, 2], first row of the cache that each query sees, and end -> [R, D].
 * Throws a `ShapeError` otherwise.
 */
export function attendCached(
  qkv: Tensor,
  cache: Tensor,
  ends: Tensor,
  { heads, longest }: AttendCachedOptions,
): Tensor {
  checkOperands("attendCached", [qkv, cache, ends], {
    dtypes: ["f32", "f32", "u32"],
  });
  checkNumber("attend with heads", heads, HEADS);
  checkNumber("attend to the longest", longest, COUNT);
  const { device } = qkv;
  const [queries = 0, qStride = 0] = qkv.shape;
  const fits = qkv.shape.length === 2 && qStride > 0 &&
    qStride % (3 * heads) === 0 && cache.shape.length === 2 &&
    cache.shape[1] === 2 * qStride / 3 && ends.shape.length === 2 &&
    ends.shape[0] === queries && ends.shape[1] === 2;
  if (!fits) {
    throw new ShapeError(
      "attendCached",
      [qkv.shape, cache.shape, ends.shape],
      `expected [R, 3 D] with D a multiple of ${heads} heads, [C, 2 D] and [R, 2]`,
    );
  }
  const out = Tensor.empty(device, [queries, qStride / 3]);
  using lse = Tensor.empty(device, [heads, queries]);
  device.launch(attentionKernel(qStride / 3 / heads), {
    q: qkv.storage,
    kv: cache.storage,
    ends: ends.storage,
    out: out.storage,
    lse: lse.storage,
  }, {
    queries,
    heads,
    qStride,
    kvStride: cache.shape[1]!,
    kOffset: 0,
    pairs: queries * longest,
    longest,
  });
  return out;
}
