import { defineKernel, type Kernel } from "./kernel.ts";

/** Lines that stand side by side in a panel. */
export const PANEL_LINES = 16;

/** Lines of a matrix in panels: `lines`, and those that fill the last panel. */
export function panelled(lines: number): number {
  return Math.ceil(lines / PANEL_LINES) * PANEL_LINES;
}

/** Index of a line's first element; the next ones lie 16 apart. */
export function panelStart(line: number, steps: number): number {
  const inside = line % PANEL_LINES;
  return (line - inside) * steps + inside;
}

/** `panelled` in WGSL. */
export function panelledText(lines: string): string {
  return `((${lines} + ${
    PANEL_LINES - 1
  }u) / ${PANEL_LINES}u * ${PANEL_LINES}u)`;
}

/** Index of an element in WGSL, of lines of `sizes.k` elements. */
export function panelIndexText(line: string, step: string): string {
  const inside = `${line} % ${PANEL_LINES}u`;
  return `(${line} - ${inside}) * sizes.k + (${step}) * ${PANEL_LINES}u + ${inside}`;
}

/**
 * Copies a matrix into panels: 16 lines side by side, step by step, so that a
 * product of few rows reads it from one end to the other.
 *
 * x: [n, k] -> out: [n / 16, k, 16], rounded up; the last line is repeated.
 */
export const panelsKernel: Kernel<"x" | "out", "n" | "k"> = defineKernel({
  name: "panels",
  reads: { x: "f32" },
  writes: { out: "f32" },
  sizes: ["n", "k"],
  wgsl: {
    items: ({ n, k }) => panelled(n) * k,
    body: `
  let line = id / sizes.k;
  let step = id % sizes.k;
  out[${
      panelIndexText("line", "step")
    }] = x[min(line, sizes.n - 1u) * sizes.k + step];`,
  },
  define: ({ x, out }, { n, k }) => {
    for (let line = 0; line < panelled(n); line++) {
      const from = Math.min(line, n - 1) * k;
      const to = panelStart(line, k);
      for (let step = 0; step < k; step++) {
        out[to + step * PANEL_LINES] = x[from + step]!;
      }
    }
  },
  cost: ({ n, k }) => ({ bytes: 4 * k * (n + panelled(n)), flops: 0 }),
});
