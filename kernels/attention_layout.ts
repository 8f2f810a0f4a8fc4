/** Sizes of interval attention; `pairs` and `longest` only tell what it costs. */
export type AttentionSize =
  | "queries"
  | "heads"
  | "qStride"
  | "kvStride"
  | "kOffset"
  | "pairs"
  | "longest";

/** Buffers of interval attention. */
export type AttentionBuffer = "q" | "kv" | "ends" | "out" | "lse";

/** Buffers of the gradient of the queries. */
export type AttentionGradQBuffer =
  | "g"
  | "out"
  | "q"
  | "kv"
  | "ends"
  | "lse"
  | "dq"
  | "delta";

/** Buffers of the gradient of the keys and values. */
export type AttentionGradKvBuffer =
  | "g"
  | "q"
  | "kv"
  | "ends"
  | "lse"
  | "delta"
  | "dkv";

/** Sizes of the gradient of the keys and values. */
export type AttentionGradKvSize = AttentionSize | "keys";
