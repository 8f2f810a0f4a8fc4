import { attentionKernel, storeRowsKernel } from "../kernels/mod.ts";
import { Tensor } from "./tensor.ts";

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
 * `RangeError` when a row or column lies outside.
 */
export function storeRows(
  target: Tensor,
  source: Tensor,
  { at, from = 0, rows = source.shape[0]! - from, column = 0 }: StoreOptions,
): void {
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
 * [R, 2], first row of the cache that each query sees, and end -> [R, D]
 */
export function attendCached(
  qkv: Tensor,
  cache: Tensor,
  ends: Tensor,
  { heads, longest }: AttendCachedOptions,
): Tensor {
  const { device } = qkv;
  const [queries = 0, qStride = 0] = qkv.shape;
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
