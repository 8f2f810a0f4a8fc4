import {
  bytesSeeSlots,
  causal,
  crossAttention,
  type Ends,
  Intervals,
  rope,
  rotaryTable,
  selfAttention,
  slotsSeeBytes,
} from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { indices, numbers, rowsOf, type Sample } from "../sample.ts";

/** Attention of rows of queries, keys and values, one head after the other. */
function attention(
  [q, k, v]: readonly [number[][], number[][], number[][]],
  { lo, hi }: Ends,
  heads: number,
): number[] {
  const width = (q[0]?.length ?? 0) / heads;
  return q.flatMap((row, i) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (x: number[]): number[] =>
        x.slice(head * width, (head + 1) * width);
      const seen = (x: number[][]): number[][] =>
        x.slice(lo[i], hi[i]).map(part);
      const scores = seen(k).map((key) =>
        part(row).reduce((sum, x, e) => sum + x * key[e]!, 0) / Math.sqrt(width)
      );
      // Where all scores are -Infinity, nothing is seen.
      const top = Math.max(...scores, -Number.MAX_VALUE);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b, 0);
      return part(row).map((_, e) =>
        seen(v).reduce(
          (sum, x, j) => total === 0 ? 0 : sum + weights[j]! / total * x[e]!,
          0,
        )
      );
    }).flat()
  );
}

/** Tiles of queries share what they read, with a weight of 0 if need be. */
const LIMITS = { most: 8, leaks: true } as const;

function selfSample(
  note: string,
  ends: Ends,
  [heads, width]: readonly [number, number],
): Sample {
  const rows = ends.lo.length;
  const dim = heads * width;
  return {
    op: "selfAttention",
    note,
    inputs: [numbers([rows, 3 * dim])],
    run: (qkv) =>
      selfAttention(qkv!, Intervals.from(qkv!.device, ends, rows), { heads }),
    reference: (qkv) => {
      const part = (i: number): number[][] =>
        rowsOf(qkv!, 3 * dim).map((row) => row.slice(i * dim, (i + 1) * dim));
      return attention([part(0), part(1), part(2)], ends, heads);
    },
    tolerance: sumOf(16 * rows),
    ...LIMITS,
  };
}

function crossSample(
  note: string,
  { ends, keys }: { readonly ends: Ends; readonly keys: number },
  [heads, width]: readonly [number, number],
): Sample {
  const dim = heads * width;
  return {
    op: "crossAttention",
    note,
    inputs: [numbers([ends.lo.length, dim]), numbers([keys, 2 * dim])],
    run: (q, kv) =>
      crossAttention(q!, kv!, Intervals.from(q!.device, ends, keys), { heads }),
    reference: (q, kv) => {
      const part = (i: number): number[][] =>
        rowsOf(kv!, 2 * dim).map((row) => row.slice(i * dim, (i + 1) * dim));
      return attention([rowsOf(q!, dim), part(0), part(1)], ends, heads);
    },
    tolerance: sumOf(16 * keys),
    ...LIMITS,
  };
}

/** Rotation by complex numbers' angles, column by column. */
function rotated(
  x: number[],
  positions: readonly number[],
  { width, columns, headWidth, theta }: Record<
    "width" | "columns" | "headWidth" | "theta",
    number
  >,
): number[] {
  return x.map((value, i) => {
    const column = i % width;
    if (column >= columns) return value;
    const pair = Math.floor(column % headWidth / 2);
    const position = positions[Math.floor(i / width)]!;
    const angle = position * theta ** (-2 * pair / headWidth);
    const other = column % 2 === 0 ? -x[i + 1]! : x[i - 1]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

function ropeSample(
  note: string,
  [width, columns, headWidth]: readonly [number, number, number],
): Sample {
  const theta = 50;
  const positions = [0, 1, 2, 7, 3];
  return {
    op: "rope",
    note,
    inputs: [numbers([5, width]), indices(positions)],
    run: (x, at) => {
      const options = { positions: 8, headWidth, theta };
      return rope(x!, rotaryTable(x!.device, options), at!, { columns });
    },
    reference: (x) =>
      rotated(x!, positions, { width, columns, headWidth, theta }),
  };
}

const padded: Ends = {
  lo: Uint32Array.of(0, 0, 1, 2, 2, 2),
  hi: Uint32Array.of(0, 2, 3, 3, 5, 5),
};

const nothing: Ends = { lo: new Uint32Array(2), hi: new Uint32Array(2) };

/** Attention over intervals, and rotary positions. */
export const attentionSamples: readonly Sample[] = [
  selfSample("causal, width 1", causal([4]), [1, 1]),
  selfSample("causal, width 3", causal([5]), [2, 3]),
  selfSample("causal, width 8", causal([11]), [2, 8]),
  selfSample("causal, width 64", causal([5]), [1, 64]),
  selfSample("in a window", causal([19], 4), [1, 4]),
  selfSample("of no rows", causal([]), [2, 4]),
  selfSample("in two documents", causal([4, 6]), [2, 2]),
  selfSample("where some rows see nothing", padded, [2, 4]),
  crossSample(
    "of patches to bytes",
    { ends: slotsSeeBytes(Uint32Array.of(0, 1, 5, 7), 2), keys: 7 },
    [2, 4],
  ),
  crossSample(
    "of bytes to slots",
    { ends: bytesSeeSlots(Uint32Array.of(0, 0, 0, 1, 1, 2), 2), keys: 8 },
    [2, 3],
  ),
  crossSample("where some queries see nothing", { ends: padded, keys: 5 }, [
    1,
    8,
  ]),
  crossSample("of no queries", { ends: causal([]), keys: 3 }, [1, 4]),
  crossSample("to no keys", { ends: nothing, keys: 0 }, [1, 4]),
  ropeSample("of queries and keys", [12, 8, 4]),
  ropeSample("of everything", [12, 12, 6]),
  ropeSample("of nothing", [4, 0, 2]),
];
