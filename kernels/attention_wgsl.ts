import type { AttentionGradKvSize, AttentionSize } from "./attention_layout.ts";
import { headText } from "./head.ts";
import type { WgslForm } from "./kernel.ts";

/** Rows, one for each invocation, that a workgroup works on together. */
const THREADS = 64;

/** Bytes of workgroup memory that every WebGPU device has. */
const MEMORY = 16_384;

/** Most rows in a tile. */
const DEEPEST = 32;

/** Shortest intervals for which rows share what they see. */
const SHARED = 64;

/** One kernel in which each row of one side meets its interval of the other. */
interface TileSource {
  /** Size that counts the rows that invocations own. */
  readonly own: "queries" | "keys";
  /** Buffers of heads, beside those that the tiles come from. */
  readonly vectors: readonly string[];
  /** Piece `#` of the two tiles for row `other`, from buffer and index. */
  readonly tiles: readonly [string, string];
  /** Statements before the loop; the own row is `own`, its head `head`. */
  readonly before: string;
  /** Rows of the tile that `visit` takes at once. */
  readonly step: 1 | 4;
  /** Statements for those from `other` on, which is row `j` of the tile. */
  readonly visit: string;
  /** Statements that store what the loop left. */
  readonly after: string;
}

/**
 * The form for real GPUs: a workgroup owns 64 rows of one head, whose intervals
 * lie side by side, and reads all that they see once, in tiles in its memory.
 * None when not even 4 rows of the head fit there.
 */
function tileForm<Own extends string>(
  headWidth: number,
  { own, vectors, tiles, before, step, visit, after }: TileSource,
): readonly WgslForm<AttentionSize | Own>[] {
  const { lanes, pieces, type } = headText(headWidth);
  const most = Math.floor(MEMORY / (8 * headWidth) / 4) * 4;
  const depth = Math.min(DEEPEST, most);
  if (depth === 0) return [];
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
    body: `
  let blocks = (sizes.${own} + ${THREADS - 1}u) / ${THREADS}u;
  let head = group / blocks;
  let first = group % blocks * ${THREADS}u;
  let last = min(first + ${THREADS}u, sizes.${own}) - 1u;
  let own = min(first + lane, last);
  let lo = ends[2u * own];
  let hi = ends[2u * own + 1u];
  let from_other = ends[2u * first];
  let to_other = ends[2u * last + 1u];
  let column = head * ${pieces}u;
  ${before}
  for (var start = from_other; start < to_other; start += ${depth}u) {
    workgroupBarrier();
    for (var i = lane; i < ${depth * pieces}u; i += ${THREADS}u) {
      let other = min(start + i / ${pieces}u, to_other - 1u);
      let piece = i % ${pieces}u;
      tile0[i] = ${tiles[0]};
      tile1[i] = ${tiles[1]};
    }
    workgroupBarrier();
    for (var j = 0u; j < ${depth}u; j += ${step}u) {
      let other = start + j;
      ${visit}
    }
  }
  if (first + lane <= last) {
    ${after}
  }`,
  }];
}

/** Piece `piece` of row `other` of the keys, or of the values behind them. */
function kvTiles(lanes: number, pieces: number): readonly [string, string] {
  const key =
    `(other * sizes.kvStride + sizes.kOffset) / ${lanes}u + column + piece`;
  return [`kv[${key}]`, `kv[${key} + sizes.heads * ${pieces}u]`];
}

/** Where a query and its result begin. */
function queryAt(query: string, lanes: number, pieces: number): string {
  return `let own_at = ${query} * (sizes.qStride / ${lanes}u) + column;
  let result = ${query} * sizes.heads * ${pieces}u + column;`;
}

/** Form of `attentionKernel`. */
export function attentionTile(
  headWidth: number,
): readonly WgslForm<AttentionSize>[] {
  const { lanes, pieces, type, each, dot } = headText(headWidth);
  const four = (text: (i: number) => string): string =>
    [0, 1, 2, 3].map(text).join(", ");
  const at = (i: number): string => `(j + ${i}u) * ${pieces}u + #u`;
  return tileForm(headWidth, {
    own: "queries",
    vectors: ["q", "kv", "out"],
    tiles: kvTiles(lanes, pieces),
    before: `${queryAt("own", lanes, pieces)}
  ${each(`let q# = ${1 / Math.sqrt(headWidth)} * q[own_at + #u];`)}
  ${each(`var sum# = ${type}();`)}
  var top = -3e38;
  var total = 0.0;`,
    step: 4,
    visit: `
      let keys = other + vec4u(0u, 1u, 2u, 3u);
      let seen = (keys >= vec4u(lo)) & (keys < vec4u(hi));
      let scores = vec4f(${four((i) => dot("q#", `tile0[${at(i)}]`))});
      let known = select(vec4f(-3e38), scores, seen);
      let higher = max(max(max(known.x, known.y), max(known.z, known.w)), top);
      let decay = exp(top - higher);
      top = higher;
      let weights = select(vec4f(), exp(scores - higher), seen);
      total = total * decay + dot(weights, vec4f(1.0));
      ${
      each(
        `sum# = sum# * decay + ${
          [0, 1, 2, 3].map((i) => `weights[${i}] * tile1[${at(i)}]`).join(" + ")
        };`,
      )
    }`,
    after: `
    let empty = total == 0.0;
    let share = 1.0 / select(total, 1.0, empty);
    ${each("out[result + #u] = share * sum#;")}
    lse[head * sizes.queries + own] = select(top + log(total), 0.0, empty);`,
  });
}

/** Form of `attentionGradQKernel`. */
export function attentionGradQTile(
  headWidth: number,
): readonly WgslForm<AttentionSize>[] {
  const { lanes, pieces, type, each, dot } = headText(headWidth);
  const scale = 1 / Math.sqrt(headWidth);
  return tileForm(headWidth, {
    own: "queries",
    vectors: ["g", "out", "q", "kv", "dq"],
    tiles: kvTiles(lanes, pieces),
    before: `${queryAt("own", lanes, pieces)}
  ${each(`let q# = ${scale} * q[own_at + #u];`)}
  ${each("let g# = g[result + #u];")}
  ${each(`var sum# = ${type}();`)}
  let inner = ${dot("g#", "out[result + #u]")};
  let norm = lse[head * sizes.queries + own];`,
    step: 1,
    visit: `
      let at = j * ${pieces}u;
      let score = ${dot("q#", "tile0[at + #u]")};
      let weight = select(0.0, exp(score - norm), other >= lo && other < hi);
      let slope = weight * (${dot("g#", "tile1[at + #u]")} - inner);
      ${each("sum# += slope * tile0[at + #u];")}`,
    after: `
    ${each(`dq[own_at + #u] = ${scale} * sum#;`)}
    delta[head * sizes.queries + own] = inner;`,
  });
}

/** Form of `attentionGradKvKernel`. */
export function attentionGradKvTile(
  headWidth: number,
): readonly WgslForm<AttentionGradKvSize>[] {
  const { lanes, pieces, type, each, dot } = headText(headWidth);
  const scale = 1 / Math.sqrt(headWidth);
  return tileForm<"keys">(headWidth, {
    own: "keys",
    vectors: ["g", "q", "kv", "dkv"],
    tiles: [
      `q[other * (sizes.qStride / ${lanes}u) + column + piece]`,
      `g[other * sizes.heads * ${pieces}u + column + piece]`,
    ],
    before: `
  let k = (own * sizes.kvStride + sizes.kOffset) / ${lanes}u + column;
  let v = k + sizes.heads * ${pieces}u;
  ${each(`let k# = ${scale} * kv[k + #u];`)}
  ${each("let v# = kv[v + #u];")}
  ${each(`var dk# = ${type}();`)}
  ${each(`var dv# = ${type}();`)}`,
    step: 1,
    visit: `
      let at = j * ${pieces}u;
      let row = head * sizes.queries + min(other, to_other - 1u);
      let score = ${dot("k#", "tile0[at + #u]")};
      let weight =
        select(0.0, exp(score - lse[row]), other >= lo && other < hi);
      let slope = weight * (${dot("v#", "tile1[at + #u]")} - delta[row]);
      ${each("dk# += slope * tile0[at + #u];")}
      ${each("dv# += weight * tile1[at + #u];")}`,
    after: `
    ${each(`dkv[k + #u] = ${scale} * dk#;`)}
    ${each("dkv[v + #u] = dv#;")}`,
  });
}
