import type { AttentionGradKvSize, AttentionSize } from "./attention_layout.ts";
import { headText } from "./head.ts";
import type { WgslForm } from "./kernel.ts";
import { LOWEST } from "./rows.ts";

/** Rows, one for each invocation, that a workgroup works on together. */
const THREADS = 64;

/** Bytes of workgroup memory that every WebGPU device has. */
const MEMORY = 16_384;

/** Most rows in a tile. */
const DEEPEST = 32;

/** Shortest intervals for which rows share what they see. */
const SHARED = 64;

/** Most rows of one invocation. */
const NEIGHBOURS = 4;

/**
 * Most numbers of one operand that an invocation holds: a software adapter
 * compiles for seconds at 256, and the time grows faster than the number.
 */
const HELD = 256;

/** Least products of numbers of queries and keys that repay those seconds. */
const WORTH = 2 ** 20;

/**
 * Most turns that a software adapter may have to make: it ends the loops of an
 * invocation silently after 65,535.
 */
const MOST_TURNS = 60_000;

/**
 * One kernel in which each row of one side meets its interval of the other.
 * In all statements `head` is the head, `column` where it begins in a row, `@`
 * the number of an own row, and `to_other` the end of what any of them sees.
 */
interface Source<Size extends string> {
  /** Size that counts the rows that invocations own. */
  readonly own: Size;
  /** Buffers of heads. */
  readonly vectors: readonly string[];
  /** A piece of row `other` in the two buffers that own rows meet. */
  readonly others: readonly [
    (piece: string) => string,
    (piece: string) => string,
  ];
  /** Statements before the loop, for own row `own@`. */
  readonly before: string;
  /** Statements for row `other` alone. */
  readonly other?: string;
  /**
   * Statements for row `other`, whose pieces `#` are given, and own row `@`,
   * which it concerns only if `seen@`.
   */
  readonly pair: (first: string, second: string) => string;
  /** Instead, in tiles: for rows `j` to `j + 3` of the tile and own row 0. */
  readonly four?: string;
  /** Statements that store what the loop left. */
  readonly after: string;
}

/** Statements of each of `count` own rows. */
function forRows(count: number, text: string): string {
  return Array.from(
    { length: count },
    (_, row) => text.replaceAll("@", `${row}`),
  ).join("\n  ");
}

/** Forms of one kernel, preferred first. */
function formsOf<Size extends string>(
  headWidth: number,
  source: Source<Size>,
): readonly WgslForm<AttentionSize | Size>[] {
  return [
    ...tileForm(headWidth, source),
    ...neighboursForm(headWidth, source),
    {
      name: "rows",
      ...rowsForm(headWidth, source, {
        rows: 1,
        head: `id / sizes.${source.own}`,
        group: `id % sizes.${source.own}`,
      }),
      fits: (device, { longest }) =>
        device !== "software" || longest <= MOST_TURNS,
    },
  ];
}

/**
 * The form for real GPUs: a workgroup owns 64 rows of one head, whose intervals
 * lie side by side, and reads all that they see once, in tiles in its memory.
 * None when not even 4 rows of the head fit there.
 */
function tileForm<Size extends string>(
  headWidth: number,
  { own, vectors, others, before, other, pair, four, after }: Source<Size>,
): readonly WgslForm<AttentionSize | Size>[] {
  const { lanes, pieces, type } = headText(headWidth);
  const most = Math.floor(MEMORY / (8 * headWidth) / 4) * 4;
  const depth = Math.min(DEEPEST, most);
  if (depth === 0) return [];
  const one = `
      let at = j * ${pieces}u;
      let seen@ = other >= lo@ && other < hi@;
      ${other ?? ""}
      ${pair("tile0[at + #u]", "tile1[at + #u]")}`;
  return [{
    name: "tiles",
    per: "workgroup",
    threads: THREADS,
    items: (sizes: Readonly<Record<string, number>>) =>
      Math.ceil(sizes[own]! / THREADS) * sizes["heads"]!,
    vectors: lanes === 4 ? vectors : [],
    declarations: ["tile0", "tile1"].map((name) =>
      `var<workgroup> ${name}: array<${type}, ${depth * pieces}>;`
    ).join("\n"),
    // The turns of a software adapter's loops would have to be counted.
    fits: (device) => device !== "software",
    prefers: (_, { longest }) => longest >= SHARED,
    body: forRows(
      1,
      `
  let blocks = (sizes.${own} + ${THREADS - 1}u) / ${THREADS}u;
  let head = group / blocks;
  let first = group % blocks * ${THREADS}u;
  let last = min(first + ${THREADS}u, sizes.${own}) - 1u;
  let own@ = min(first + lane, last);
  let lo@ = ends[2u * own@];
  let hi@ = ends[2u * own@ + 1u];
  let from_other = ends[2u * first];
  let to_other = ends[2u * last + 1u];
  let column = head * ${pieces}u;
  ${before}
  for (var start = from_other; start < to_other; start += ${depth}u) {
    workgroupBarrier();
    for (var i = lane; i < ${depth * pieces}u; i += ${THREADS}u) {
      let other = min(start + i / ${pieces}u, to_other - 1u);
      let piece = i % ${pieces}u;
      tile0[i] = ${others[0]("piece")};
      tile1[i] = ${others[1]("piece")};
    }
    workgroupBarrier();
    for (var j = 0u; j < ${depth}u; j += ${four ? 4 : 1}u) {
      let other = start + j;
      ${four ?? one}
    }
  }
  if (first + lane <= last) {
    ${after}
  }`,
    ),
  }];
}

/**
 * The form for software adapters, where loads cost most: each serves several
 * rows. Heads side by side see the same, so that no lane waits for another.
 * None for heads so wide that an invocation holds one row only. It does not fit
 * little work, which would not repay the longer compilation.
 */
function neighboursForm<Size extends string>(
  headWidth: number,
  source: Source<Size>,
): readonly WgslForm<AttentionSize | Size>[] {
  const rows = Math.min(NEIGHBOURS, Math.floor(HELD / headWidth));
  if (rows < 2) return [];
  return [{
    name: "neighbours",
    ...rowsForm(headWidth, source, {
      rows,
      head: "id % sizes.heads",
      group: "id / sizes.heads",
    }),
    fits: (device, sizes) =>
      device === "software" && sizes[source.own] > rows &&
      sizes.pairs * sizes.heads * headWidth >= WORTH &&
      rows * sizes.longest <= MOST_TURNS,
  }];
}

/** How the rows of all heads are dealt out to invocations. */
interface Deal {
  /** Rows of one head, side by side, that an invocation owns. */
  readonly rows: number;
  /** Head of invocation `id`. */
  readonly head: string;
  /** Which `rows` of the head are its own. */
  readonly group: string;
}

/**
 * A form without workgroup memory: an invocation visits what any of its rows
 * sees, but nothing between their intervals, where there may be much. What it
 * does not see changes no bit of a row.
 */
function rowsForm<Size extends string>(
  headWidth: number,
  { own, vectors, others, before, other, pair, after }: Source<Size>,
  { rows, head, group }: Deal,
): WgslForm<AttentionSize | Size> {
  const { lanes, pieces } = headText(headWidth);
  let next = `lo${rows - 1}`;
  for (let row = rows - 2; row >= 0; row--) {
    next = `select(${next}, lo${row}, other < hi${row})`;
  }
  return {
    items: (sizes: Readonly<Record<string, number>>) =>
      Math.ceil(sizes[own]! / rows) * sizes["heads"]!,
    vectors: lanes === 4 ? vectors : [],
    body: `
  let head = ${head};
  let first = ${group} * ${rows}u;
  let column = head * ${pieces}u;
  ${
      forRows(
        rows,
        `let own@ = min(first + @u, sizes.${own} - 1u);
  let lo@ = ends[2u * own@];
  let hi@ = ends[2u * own@ + 1u];
  ${before}`,
      )
    }
  let to_other = hi${rows - 1};
  for (var other = lo0;; other++) {
    other = max(other, ${next});
    if (other >= to_other) { break; }
    ${other ?? ""}
    ${
      forRows(
        rows,
        `let seen@ = other >= lo@ && other < hi@;
    ${pair(others[0]("#u"), others[1]("#u"))}`,
      )
    }
  }
  ${forRows(rows, after)}`,
  };
}

/** A piece of row `other` of the keys, and of the values behind them. */
function keysAndValues(headWidth: number): Source<string>["others"] {
  const { lanes, pieces } = headText(headWidth);
  const key = `(other * sizes.kvStride + sizes.kOffset) / ${lanes}u + column`;
  return [
    (piece) => `kv[${key} + ${piece}]`,
    (piece) => `kv[${key} + sizes.heads * ${pieces}u + ${piece}]`,
  ];
}

/** Where an own query and its result begin. */
function queryAt(headWidth: number): string {
  const { lanes, pieces } = headText(headWidth);
  return `let at@ = own@ * (sizes.qStride / ${lanes}u) + column;
  let result@ = own@ * sizes.heads * ${pieces}u + column;`;
}

/** Forms of `attentionKernel`. */
export function attentionForms(
  headWidth: number,
): readonly WgslForm<AttentionSize>[] {
  const { pieces, type, each, dot } = headText(headWidth);
  const four = (text: (i: number) => string): string =>
    [0, 1, 2, 3].map(text).join(", ");
  const at = (i: number): string => `(j + ${i}u) * ${pieces}u + #u`;
  return formsOf(headWidth, {
    own: "queries",
    vectors: ["q", "kv", "out"],
    others: keysAndValues(headWidth),
    before: `${queryAt(headWidth)}
  ${each(`let q@_# = ${1 / Math.sqrt(headWidth)} * q[at@ + #u];`)}
  ${each(`var sum@_# = ${type}();`)}
  var top@ = ${LOWEST};
  var total@ = 0.0;`,
    pair: (key, value) => `
      let score@ = select(${LOWEST}, ${dot("q@_#", key)}, seen@);
      let higher@ = max(score@, top@);
      let decay@ = exp(top@ - higher@);
      top@ = higher@;
      let weight@ = select(0.0, exp(score@ - higher@), seen@);
      total@ = total@ * decay@ + weight@;
      ${each(`sum@_# = sum@_# * decay@ + weight@ * ${value};`)}`,
    // The sums are scaled once for four keys.
    four: `
      let keys = other + vec4u(0u, 1u, 2u, 3u);
      let seen = (keys >= vec4u(lo@)) & (keys < vec4u(hi@));
      let scores = vec4f(${four((i) => dot("q@_#", `tile0[${at(i)}]`))});
      let known = select(vec4f(${LOWEST}), scores, seen);
      let higher = max(max(max(known.x, known.y), max(known.z, known.w)), top@);
      let decay = exp(top@ - higher);
      top@ = higher;
      let weights = select(vec4f(), exp(scores - higher), seen);
      total@ = total@ * decay + dot(weights, vec4f(1.0));
      ${
      each(
        `sum@_# = sum@_# * decay + ${
          [0, 1, 2, 3].map((i) => `weights[${i}] * tile1[${at(i)}]`).join(" + ")
        };`,
      )
    }`,
    after: `
    let empty@ = total@ == 0.0;
    let share@ = 1.0 / select(total@, 1.0, empty@);
    ${each("out[result@ + #u] = share@ * sum@_#;")}
    lse[head * sizes.queries + own@] =
      select(top@ + log(total@), 0.0, empty@);`,
  });
}

/** Forms of `attentionGradQKernel`. */
export function attentionGradQForms(
  headWidth: number,
): readonly WgslForm<AttentionSize>[] {
  const { type, each, dot } = headText(headWidth);
  const scale = 1 / Math.sqrt(headWidth);
  return formsOf(headWidth, {
    own: "queries",
    vectors: ["g", "out", "q", "kv", "dq"],
    others: keysAndValues(headWidth),
    before: `${queryAt(headWidth)}
  ${each(`let q@_# = ${scale} * q[at@ + #u];`)}
  ${each("let g@_# = g[result@ + #u];")}
  ${each(`var sum@_# = ${type}();`)}
  let inner@ = ${dot("g@_#", "out[result@ + #u]")};
  let norm@ = lse[head * sizes.queries + own@];`,
    pair: (key, value) => `
      let weight@ = select(0.0, exp(${dot("q@_#", key)} - norm@), seen@);
      let slope@ = weight@ * (${dot("g@_#", value)} - inner@);
      ${each(`sum@_# += slope@ * ${key};`)}`,
    after: `
    ${each(`dq[at@ + #u] = ${scale} * sum@_#;`)}
    delta[head * sizes.queries + own@] = inner@;`,
  });
}

/** Forms of `attentionGradKvKernel`. */
export function attentionGradKvForms(
  headWidth: number,
): readonly WgslForm<AttentionGradKvSize>[] {
  const { lanes, pieces, type, each, dot } = headText(headWidth);
  const scale = 1 / Math.sqrt(headWidth);
  return formsOf<AttentionGradKvSize>(headWidth, {
    own: "keys",
    vectors: ["g", "q", "kv", "dkv"],
    others: [
      (piece) => `q[other * (sizes.qStride / ${lanes}u) + column + ${piece}]`,
      (piece) => `g[other * sizes.heads * ${pieces}u + column + ${piece}]`,
    ],
    before: `
  let key@ = (own@ * sizes.kvStride + sizes.kOffset) / ${lanes}u + column;
  let value@ = key@ + sizes.heads * ${pieces}u;
  ${each(`let k@_# = ${scale} * kv[key@ + #u];`)}
  ${each("let v@_# = kv[value@ + #u];")}
  ${each(`var dk@_# = ${type}();`)}
  ${each(`var dv@_# = ${type}();`)}`,
    other: `
      let row = head * sizes.queries + min(other, to_other - 1u);
      let norm = lse[row];
      let inner = delta[row];`,
    pair: (query, g) => `
      let weight@ = select(0.0, exp(${dot("k@_#", query)} - norm), seen@);
      let slope@ = weight@ * (${dot("v@_#", g)} - inner);
      ${each(`dk@_# += slope@ * ${query};`)}
      ${each(`dv@_# += weight@ * ${g};`)}`,
    after: `
    ${each(`dkv[key@ + #u] = ${scale} * dk@_#;`)}
    ${each("dkv[value@ + #u] = dv@_#;")}`,
  });
}
