import {
  attentionGradKvKernel,
  attentionGradQKernel,
  attentionKernel,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import type { Intervals, IntervalSizes } from "../intervals.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";

/** Options of attention. */
export interface AttentionOptions {
  /** Heads that share the width equally. */
  readonly heads: number;
}

interface Attributes extends AttentionOptions, IntervalSizes {}

/** One attention: where its queries, keys, values and intervals are. */
interface Attention extends Attributes {
  readonly q: Tensor;
  readonly kv: Tensor;
  /** Column of `kv` where the keys begin. */
  readonly kOffset: number;
  readonly ofQueries: Tensor;
  readonly ofKeys: Tensor;
}

/**
 * Attention of each row to the rows of its interval, for queries, keys and
 * values side by side: qkv [R, 3 D] -> [R, D]. Rows that see nothing give zeros.
 *
 * Throws a `ShapeError` unless there is an interval for every row and `heads`
 * divides D.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { causal, Intervals, openDevice, Scope, selfAttention, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const qkv = Tensor.from(device, [2, 3], [0, 0, 1, 0, 0, 3]);
 * const intervals = Intervals.from(device, causal([2]), 2);
 * const out = selfAttention(qkv, intervals, { heads: 1 });
 * assertEquals([...await out.data()], [1, 2]);
 * ```
 */
export function selfAttention(
  qkv: Tensor,
  { ofQueries, ofKeys, pairs, longest }: Intervals,
  { heads }: AttentionOptions,
): Tensor {
  return selfOp([qkv, ofQueries, ofKeys], { heads, pairs, longest });
}

/**
 * Attention of queries to keys and values that lie side by side in other rows:
 * q [Q, D], kv [K, 2 D] -> [Q, D]. Queries that see nothing give zeros.
 *
 * Throws a `ShapeError` unless there is an interval for every row of both and
 * `heads` divides D.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bytesSeeSlots, crossAttention, Intervals, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const q = Tensor.from(device, [3, 1], [0, 0, 0]);
 * const kv = Tensor.from(device, [4, 2], [0, 1, 0, 3, 0, 5, 0, 9]);
 * const ends = bytesSeeSlots(Uint32Array.of(0, 0, 1), 2);
 * const intervals = Intervals.from(device, ends, 4);
 * const out = crossAttention(q, kv, intervals, { heads: 1 });
 * assertEquals([...await out.data()], [2, 2, 7]);
 * ```
 */
export function crossAttention(
  q: Tensor,
  kv: Tensor,
  { ofQueries, ofKeys, pairs, longest }: Intervals,
  { heads }: AttentionOptions,
): Tensor {
  return crossOp([q, kv, ofQueries, ofKeys], { heads, pairs, longest });
}

const selfOp = defineOp<[Tensor, Tensor, Tensor], Attributes, Tensor>({
  name: "selfAttention",
  dtypes: ["f32", "u32", "u32"],
  shape: (shapes, { heads }) => {
    const [qkv, ofQueries, ofKeys] = shapes;
    const [rows = 0, columns = 0] = qkv;
    const fits = qkv.length === 2 && Number.isInteger(heads) &&
      splits(columns, 3 * heads) &&
      rows === ofQueries[0] && rows === ofKeys[0];
    if (!fits) {
      throw new ShapeError(
        "selfAttention",
        shapes,
        `expected [R, 3 D] with D a multiple of ${heads} heads, and [R, 2] intervals twice`,
      );
    }
    return [rows, columns / 3];
  },
  forward: (out, [qkv, ofQueries, ofKeys], attributes) =>
    attend(out, selfLayout(qkv, ofQueries, ofKeys, attributes)),
  vjp: ({ g, out, inputs, attributes, saved }) => {
    const dqkv = Tensor.empty(g.device, inputs[0].shape);
    const attention = selfLayout(...inputs, attributes);
    using delta = gradientOfQ({ g, out, lse: saved, dq: dqkv }, attention);
    gradientOfKv({ g, lse: saved, delta, dkv: dqkv }, attention);
    return [dqkv];
  },
});

const crossOp = defineOp<[Tensor, Tensor, Tensor, Tensor], Attributes, Tensor>({
  name: "crossAttention",
  dtypes: ["f32", "f32", "u32", "u32"],
  shape: (shapes, { heads }) => {
    const [q, kv, ofQueries, ofKeys] = shapes;
    const [queries = 0, width = 0] = q;
    const fits = q.length === 2 && kv.length === 2 && Number.isInteger(heads) &&
      splits(width, heads) &&
      kv[1] === 2 * width && queries === ofQueries[0] && kv[0] === ofKeys[0];
    if (!fits) {
      throw new ShapeError(
        "crossAttention",
        shapes,
        `expected [Q, D] and [K, 2 D] with D a multiple of ${heads} heads, and intervals [Q, 2] and [K, 2]`,
      );
    }
    return q;
  },
  forward: (out, [q, kv, ofQueries, ofKeys], attributes) =>
    attend(out, { q, kv, kOffset: 0, ofQueries, ofKeys, ...attributes }),
  vjp: ({ g, out, inputs, attributes, saved, wants }) => {
    const [q, kv, ofQueries, ofKeys] = inputs;
    const attention = { q, kv, kOffset: 0, ofQueries, ofKeys, ...attributes };
    // The gradient of the keys needs what that of the queries leaves behind.
    const dq = Tensor.empty(g.device, q.shape);
    using delta = gradientOfQ({ g, out, lse: saved, dq }, attention);
    if (!wants(1)) return [dq];
    const dkv = Tensor.empty(g.device, kv.shape);
    gradientOfKv({ g, lse: saved, delta, dkv }, attention);
    if (wants(0)) return [dq, dkv];
    dq.dispose();
    return [undefined, dkv];
  },
});

/** Whether `columns` divide into `parts` of one width. */
function splits(columns: number, parts: number): boolean {
  return columns > 0 && parts > 0 && Number.isInteger(columns / parts);
}

function selfLayout(
  qkv: Tensor,
  ofQueries: Tensor,
  ofKeys: Tensor,
  attributes: Attributes,
): Attention {
  const kOffset = qkv.shape[1]! / 3;
  return { q: qkv, kv: qkv, kOffset, ofQueries, ofKeys, ...attributes };
}

/** Fills `out`; gives the log-sum-exp of the scores, [heads, queries]. */
function attend(out: Tensor, attention: Attention): Tensor {
  const { q, kv, ofQueries, heads } = attention;
  const [queries = 0, width = 0] = out.shape;
  const lse = Tensor.empty(out.device, [heads, queries]);
  out.device.launch(
    attentionKernel(width / heads),
    {
      q: q.storage,
      kv: kv.storage,
      ends: ofQueries.storage,
      out: out.storage,
      lse: lse.storage,
    },
    sizesOf(attention),
  );
  return lse;
}

/** Writes the gradient of the queries into `dq`; gives delta, [heads, queries]. */
function gradientOfQ(
  { g, out, lse, dq }: Record<"g" | "out" | "lse" | "dq", Tensor>,
  attention: Attention,
): Tensor {
  const { q, kv, ofQueries, heads } = attention;
  const delta = Tensor.empty(g.device, lse.shape);
  g.device.launch(
    attentionGradQKernel(g.shape[1]! / heads),
    {
      g: g.storage,
      out: out.storage,
      q: q.storage,
      kv: kv.storage,
      ends: ofQueries.storage,
      lse: lse.storage,
      dq: dq.storage,
      delta: delta.storage,
    },
    sizesOf(attention),
  );
  return delta;
}

/** Writes the gradient of keys and values into `dkv`. */
function gradientOfKv(
  { g, lse, delta, dkv }: Record<"g" | "lse" | "delta" | "dkv", Tensor>,
  attention: Attention,
): void {
  const { q, kv, ofKeys, heads } = attention;
  g.device.launch(
    attentionGradKvKernel(g.shape[1]! / heads),
    {
      g: g.storage,
      q: q.storage,
      kv: kv.storage,
      ends: ofKeys.storage,
      lse: lse.storage,
      delta: delta.storage,
      dkv: dkv.storage,
    },
    { ...sizesOf(attention), keys: kv.shape[0]! },
  );
}

function sizesOf(
  { q, kv, kOffset, heads, pairs, longest }: Attention,
): Record<
  | "queries"
  | "heads"
  | "qStride"
  | "kvStride"
  | "kOffset"
  | "pairs"
  | "longest",
  number
> {
  const [queries = 0, qStride = 0] = q.shape;
  return {
    queries,
    heads,
    qStride,
    kvStride: kv.shape[1]!,
    kOffset,
    pairs,
    longest,
  };
}
