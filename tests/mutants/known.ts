/** A fault that no test notices. */
export interface KnownFault {
  /** File, from the root. */
  readonly path: string;
  /** The line as it is, without the space in front. */
  readonly before: string;
  /** The line with the fault. */
  readonly after: string;
  /** Why no test can notice it, or needs to. */
  readonly reason: string;
}

/** Faults that no test notices, and why that is right. */
export const KNOWN: readonly KnownFault[] = [
  {
    path: "kernels/attention_row_simd.ts",
    before: "const SCORES = 4 * (BLOCK + LINES);",
    after: "const SCORES = 5 * (BLOCK + LINES);",
    reason: "reserves more memory than is used",
  },
  {
    path: "kernels/embedding.ts",
    before: "for (let c = 0; c < cols; c++) sum[c]! += g[from + c]!;",
    after: "for (let c = 0; c <= cols; c++) sum[c]! += g[from + c]!;",
    reason: "a typed array takes nothing behind its end",
  },
  {
    path: "tensor/ops/layout.ts",
    before: "0 <= start && start <= end && end <= (shape[axis] ?? -1)",
    after: "0 <= start && start <= end && end <= (shape[axis] ?? -2)",
    reason: "both are below any end",
  },
  {
    path: "kernels/softmax.ts",
    before: "for (let i = first; i < end; i++) if (x[i]! > top) top = x[i]!;",
    after: "for (let i = first; i < end; i++) if (x[i]! >= top) top = x[i]!;",
    reason:
      "the largest number is the same, whichever of its places it is from",
  },
  {
    path: "kernels/panels.ts",
    before: "for (let step = 0; step < k; step++) {",
    after: "for (let step = 0; step < (k + 1); step++) {",
    reason:
      "what is written too much is the front of the next panel, which comes later",
  },
  {
    path: "kernels/tune.ts",
    before: "const length = given ? content.length : content;",
    after: "const length = given ? (content.length + 1) : content;",
    reason: "reserves more memory than is used",
  },
  {
    path: "blt/stacked.ts",
    before: "const climbs = this.levels.length > 0;",
    after: "const climbs = this.levels.length >= 0;",
    reason: "uploads what a model of one level then does not read",
  },
  {
    path: "kernels/wasm/assembler.ts",
    before: "for (let lane = 0; lane < 3; lane++) {",
    after: "for (let lane = 0; lane < (3 + 1); lane++) {",
    reason:
      "four lanes are stored at once before, so the fourth is never reached here",
  },
  {
    path: "kernels/primitives.ts",
    before: "for (let i = 0; i < n; i++) out[i] = x[i]! + y[i]!;",
    after: "for (let i = 0; i <= n; i++) out[i] = x[i]! + y[i]!;",
    reason: "nobody reads what is in a block behind its n numbers",
  },
  {
    path: "kernels/wasm/instructions.ts",
    before: "...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],",
    after: "...[1, 0x61, 0x73, 0x6d, 1, 0, 0, 0],",
    reason: "fused instructions go unused, which is slower and no less exact",
  },
  {
    path: "kernels/webgpu_device.ts",
    before: "return { buffer, bytes, id: this.#blocks++, place: 0, list: -1 };",
    after: "return { buffer, bytes, id: this.#blocks++, place: 0, list: 1 };",
    reason: "submits once more than it need, if a block is new in list 1",
  },
];
