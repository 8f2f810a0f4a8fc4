import { defineKernel, type Kernel, type WgslForm } from "./kernel.ts";
import { orderSource } from "./order.ts";
import { LOOP_TURNS } from "./rows.ts";
import {
  segmentExtremeGradSimd,
  segmentExtremeSimd,
  segmentSpreadSimd,
  segmentSumSimd,
} from "./segment_simd.ts";

/** Most rows of one segment that the kernels can walk through. */
export const MAX_SEGMENT: number = LOOP_TURNS;

/** Stands for no row. */
const NONE = 0xffffffff;

/** Element type of a form, and how many columns it spans. */
interface Lanes {
  readonly type: "f32" | "vec4f";
  readonly index: "u32" | "vec4u";
  readonly width: 1 | 4;
}

/** Forms with an invocation for each element, or for each four neighbours. */
function forms<Size extends string>(
  rows: Size,
  vectors: readonly string[],
  body: (lanes: Lanes) => string,
  declarations: (type: Lanes["type"]) => string = () => "",
): readonly WgslForm<Size | "cols">[] {
  const lanes: readonly Lanes[] = [
    { type: "vec4f", index: "vec4u", width: 4 },
    { type: "f32", index: "u32", width: 1 },
  ];
  return lanes.map((lane): WgslForm<Size | "cols"> => ({
    items: (sizes) => sizes[rows] * sizes.cols / lane.width,
    vectors: lane.width === 4 ? vectors : [],
    declarations: declarations(lane.type),
    body: `
  let cols = sizes.cols / ${lane.width}u;
  let row = id / cols;
  let column = id % cols;${body(lane)}`,
    fits: (_, { cols }) => cols % lane.width === 0,
  }));
}

/** Largest or smallest element of each segment, and the row it came from. */
export type SegmentExtremeKernel = Kernel<
  "x" | "starts" | "ends" | "out" | "chosen",
  "segments" | "cols"
>;

/**
 * out[p] = the first extreme of x[starts[p]] to x[ends[p]] (not included) per
 * column, `chosen` its row; 0 and no row for an empty segment. NaN is more
 * extreme than any number.
 *
 * x: [rows, cols]; starts, ends: [segments]; out, chosen: [segments, cols].
 */
function segmentExtreme(
  name: string,
  sign: ">" | "<",
): SegmentExtremeKernel {
  const worst = sign === ">" ? -Infinity : Infinity;
  const own = sign === ">" ? "" : "-";
  return defineKernel({
    name,
    reads: { x: "f32", starts: "u32", ends: "u32" },
    writes: { out: "f32", chosen: "u32" },
    sizes: ["segments", "cols"],
    wgsl: forms(
      "segments",
      ["x", "out", "chosen"],
      ({ type, index }) => `
  let start = starts[row];
  let end = ends[row];
  var best = ${type}();
  var most = ${index}();
  var at = ${index}(${NONE}u);
  if (start < end) {
    best = x[start * cols + column];
    most = order(${own}best);
    at = ${index}(start);
  }
  for (var r = start + 1u; r < end; r++) {
    let value = x[r * cols + column];
    let next = order(${own}value);
    let better = next > most;
    best = select(best, value, better);
    most = select(most, next, better);
    at = select(at, ${index}(r), better);
  }
  out[id] = best;
  chosen[id] = at;`,
      orderSource,
    ),
    define: ({ x, starts, ends, out, chosen }, { segments, cols }) => {
      for (let p = 0; p < segments; p++) {
        const start = starts[p]!;
        const end = ends[p]!;
        const to = p * cols;
        out.fill(start < end ? worst : 0, to, to + cols);
        chosen.fill(start < end ? start : NONE, to, to + cols);
        for (let r = start; r < end; r++) {
          for (let c = 0; c < cols; c++) {
            const value = x[r * cols + c]!;
            const best = out[to + c]!;
            const better = sign === ">" ? value > best : value < best;
            if (better || (value !== value && best === best)) {
              out[to + c] = value;
              chosen[to + c] = r;
            }
          }
        }
      }
    },
    simd: segmentExtremeSimd(sign),
    cost: ({ segments, cols }) => ({
      bytes: 12 * segments * cols,
      flops: segments * cols,
    }),
  });
}

/** Largest element per column. */
export const segmentMaxKernel: SegmentExtremeKernel = segmentExtreme(
  "segment_max",
  ">",
);

/** Smallest element per column. */
export const segmentMinKernel: SegmentExtremeKernel = segmentExtreme(
  "segment_min",
  "<",
);

/**
 * dx[r] = g[ids[r]] in the columns where `chosen` is r, else 0; 0 in rows
 * outside of all segments. ids: [rows]; g, chosen: [segments, cols];
 * dx: [rows, cols].
 */
export const segmentExtremeGradKernel: Kernel<
  "g" | "chosen" | "ids" | "dx",
  "rows" | "segments" | "cols"
> = defineKernel({
  name: "segment_extreme_grad",
  reads: { g: "f32", chosen: "u32", ids: "u32" },
  writes: { dx: "f32" },
  sizes: ["rows", "segments", "cols"],
  wgsl: forms("rows", ["g", "chosen", "dx"], ({ type, index }) => `
  var value = ${type}();
  if (ids[row] < sizes.segments) {
    let place = ids[row] * cols + column;
    value = select(${type}(), g[place], chosen[place] == ${index}(row));
  }
  dx[id] = value;`),
  define: ({ g, chosen, ids, dx }, { rows, segments, cols }) => {
    for (let r = 0; r < rows; r++) {
      const to = r * cols;
      const from = ids[r]! * cols;
      if (ids[r]! >= segments) dx.fill(0, to, to + cols);
      else {
        for (let c = 0; c < cols; c++) {
          dx[to + c] = chosen[from + c] === r ? g[from + c]! : 0;
        }
      }
    }
  },
  simd: segmentExtremeGradSimd,
  cost: ({ rows, cols }) => ({ bytes: 12 * rows * cols, flops: 0 }),
});

/**
 * out[p] = sum of x[starts[p]] to x[ends[p]] (not included), divided by their
 * number when `mean` is 1; 0 for an empty segment.
 *
 * x: [rows, cols]; starts, ends: [segments]; out: [segments, cols].
 */
export const segmentSumKernel: Kernel<
  "x" | "starts" | "ends" | "out",
  "segments" | "cols" | "mean"
> = defineKernel({
  name: "segment_sum",
  reads: { x: "f32", starts: "u32", ends: "u32" },
  writes: { out: "f32" },
  sizes: ["segments", "cols", "mean"],
  wgsl: forms("segments", ["x", "out"], ({ type }) => `
  let start = starts[row];
  let end = ends[row];
  var sum = ${type}();
  for (var r = start; r < end; r++) { sum += x[r * cols + column]; }
  let count = select(1u, max(end - start, 1u), sizes.mean == 1u);
  out[id] = sum / f32(count);`),
  define: ({ x, starts, ends, out }, { segments, cols, mean }) => {
    const sum = new Float64Array(cols);
    for (let p = 0; p < segments; p++) {
      const start = starts[p]!;
      const end = ends[p]!;
      sum.fill(0);
      for (let r = start; r < end; r++) {
        const from = r * cols;
        for (let c = 0; c < cols; c++) sum[c]! += x[from + c]!;
      }
      const count = mean === 1 ? Math.max(end - start, 1) : 1;
      for (let c = 0; c < cols; c++) out[p * cols + c] = sum[c]! / count;
    }
  },
  simd: segmentSumSimd,
  cost: ({ segments, cols }) => ({
    bytes: 8 * segments * cols,
    flops: segments * cols,
  }),
});

/**
 * out[r] = x[ids[r]], divided by the length of that segment when `mean` is 1;
 * 0 in rows outside of all segments.
 *
 * x: [segments, cols]; ids: [rows]; starts, ends: [segments];
 * out: [rows, cols].
 */
export const segmentSpreadKernel: Kernel<
  "x" | "ids" | "starts" | "ends" | "out",
  "rows" | "segments" | "cols" | "mean"
> = defineKernel({
  name: "segment_spread",
  reads: { x: "f32", ids: "u32", starts: "u32", ends: "u32" },
  writes: { out: "f32" },
  sizes: ["rows", "segments", "cols", "mean"],
  wgsl: forms("rows", ["x", "out"], ({ type }) => `
  let p = ids[row];
  var value = ${type}();
  if (p < sizes.segments) {
    let count = select(1u, ends[p] - starts[p], sizes.mean == 1u);
    value = x[p * cols + column] / f32(count);
  }
  out[id] = value;`),
  define: ({ x, ids, starts, ends, out }, { rows, segments, cols, mean }) => {
    for (let r = 0; r < rows; r++) {
      const p = ids[r]!;
      const to = r * cols;
      const from = p * cols;
      if (p >= segments) out.fill(0, to, to + cols);
      else {
        const count = mean === 1 ? ends[p]! - starts[p]! : 1;
        for (let c = 0; c < cols; c++) out[to + c] = x[from + c]! / count;
      }
    }
  },
  simd: segmentSpreadSimd,
  cost: ({ rows, cols }) => ({ bytes: 8 * rows * cols, flops: 0 }),
});
