import type { AttentionSize } from "./attention_layout.ts";

/** WGSL of arithmetic on the numbers of one head, unrolled over its width. */
export interface HeadText {
  /** Numbers in one piece of a head. */
  readonly lanes: 4 | 1;
  /** Pieces in a head. */
  readonly pieces: number;
  /** Type of a piece. */
  readonly type: "vec4f" | "f32";
  /** `statement` for each piece, with the number of the piece for `#`. */
  each(statement: string): string;
  /** Sum of products of the pieces `a` and `b`, with numbers for `#`. */
  dot(a: string, b: string): string;
}

/** Sizes that all attention kernels have. */
export const ATTENTION_SIZES: readonly AttentionSize[] = [
  "queries",
  "heads",
  "qStride",
  "kvStride",
  "kOffset",
  "pairs",
  "longest",
];

/** Pieces are vectors of four where the width allows it. */
export function headText(headWidth: number): HeadText {
  const lanes = headWidth % 4 === 0 ? 4 : 1;
  const pieces = headWidth / lanes;
  const list = (text: string): string[] =>
    Array.from({ length: pieces }, (_, i) => text.replaceAll("#", `${i}`));
  return {
    lanes,
    pieces,
    type: lanes === 4 ? "vec4f" : "f32",
    each: (statement) => list(statement).join("\n  "),
    dot: (a, b) =>
      list(lanes === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`).join(" + "),
  };
}

/** Calls `build` once for each width of a head and remembers the result. */
export function perHeadWidth<K>(
  build: (headWidth: number) => K,
): (headWidth: number) => K {
  const built = new Map<number, K>();
  return (headWidth) => {
    const known = built.get(headWidth) ?? build(headWidth);
    built.set(headWidth, known);
    return known;
  };
}
