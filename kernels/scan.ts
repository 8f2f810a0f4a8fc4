import { defineKernel, type ElementType, type Kernel } from "./kernel.ts";

/** Invocations that share one row. */
const LANES = 256;

/** Longest row: an invocation may not make more than 65,535 loop turns. */
export const LONGEST_SCAN: number = LANES * 32767;

/** A kernel that adds up each row as it goes. */
export type ScanKernel = Kernel<"x" | "out", "rows" | "length">;

/**
 * Inclusive prefix sums: out[r, i] = x[r, 0] + ... + x[r, i], or from the end
 * of the row when `reverse`. x, out: [rows, length]
 *
 * A workgroup takes a row: its invocations add up a part each, then the parts
 * before their own, then walk through their part again.
 */
function scanKernel(dtype: ElementType, reverse: boolean): ScanKernel {
  const place = reverse ? "end - i" : "begin + i";
  const steps: string[] = [];
  // Unrolled, since barriers stand at top level.
  for (let step = 1; step < LANES; step *= 2) {
    steps.push(
      `let before${step} = select(${dtype}(0), totals[max(lane, ${step}u) - ${step}u], lane >= ${step}u);`,
      `workgroupBarrier();`,
      `totals[lane] += before${step};`,
      `workgroupBarrier();`,
    );
  }
  return defineKernel<"x" | "out", "rows" | "length">({
    name: `scan_${dtype}${reverse ? "_reverse" : ""}`,
    reads: { x: dtype },
    writes: { out: dtype },
    sizes: ["rows", "length"],
    wgsl: {
      per: "workgroup",
      threads: LANES,
      items: ({ rows, length }) => length === 0 ? 0 : rows,
      declarations: `var<workgroup> totals: array<${dtype}, ${LANES}>;`,
      body: `let part = (sizes.length + ${LANES - 1}u) / ${LANES}u;
  let first = min(lane * part, sizes.length);
  let last = min(first + part, sizes.length);
  let begin = group * sizes.length;
  let end = begin + sizes.length - 1u;
  var total = ${dtype}(0);
  for (var i = first; i < last; i++) { total += x[${place}]; }
  totals[lane] = total;
  workgroupBarrier();
  ${steps.join("\n  ")}
  var sum = select(${dtype}(0), totals[max(lane, 1u) - 1u], lane > 0u);
  for (var i = first; i < last; i++) {
    sum += x[${place}];
    out[${place}] = sum;
  }`,
    },
    define: ({ x, out }, { rows, length }) => {
      for (let row = 0; row < rows; row++) {
        let at = reverse ? (row + 1) * length - 1 : row * length;
        const step = reverse ? -1 : 1;
        let sum = 0;
        for (let i = 0; i < length; i++) {
          sum += x[at]!;
          out[at] = sum;
          at += step;
        }
      }
    },
    cost: ({ rows, length }) => ({
      bytes: 8 * rows * length,
      flops: rows * length,
    }),
  });
}

/** Prefix sums by element type; u32 wraps at 2^32. */
export const scanKernels: Readonly<Record<ElementType, ScanKernel>> = {
  f32: scanKernel("f32", false),
  u32: scanKernel("u32", false),
};

/** Sums from each element to the end of its row: gradient of a prefix sum. */
export const reverseScanKernel: ScanKernel = scanKernel("f32", true);
