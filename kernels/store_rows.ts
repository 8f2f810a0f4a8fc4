import { defineKernel, type Kernel } from "./kernel.ts";
import { element, forLanes, grainOf, rowOf } from "./rows_simd.ts";
import { i32 } from "./wasm/instructions.ts";

/**
 * Replaces rows of a table: table[at + r, c] = rows[r, column + c].
 *
 * rows: [*, stride], table: [*, width]; `count` is rows stored times width.
 */
export const storeRowsKernel: Kernel<
  "rows" | "table",
  "count" | "width" | "stride" | "column" | "at"
> = defineKernel({
  name: "store_rows",
  reads: { rows: "f32" },
  writes: { table: "f32" },
  sizes: ["count", "width", "stride", "column", "at"],
  wgsl: {
    items: ({ count }) => count,
    body: `
  let row = id / sizes.width;
  let start = row * sizes.stride + sizes.column;
  table[sizes.at * sizes.width + id] = rows[start + id % sizes.width];`,
  },
  define: ({ rows, table }, { count, width, stride, column, at }) => {
    for (let row = 0; row * width < count; row++) {
      const start = row * stride + column;
      table.set(rows.subarray(start, start + width), (at + row) * width);
    }
  },
  simd: {
    items: ({ count, width }) => count / (width || 1),
    grain: ({ width }) => grainOf(width, 0.3),
    emit(f, { begin, end, buffers, sizes }): void {
      const { width, stride, column, at } = sizes;
      f.for({ from: begin, to: end }, (row) => {
        const start = i32.add(i32.mul(row, stride), column);
        const from = f.let(element(buffers.rows, start));
        const to = rowOf(f, buffers.table, i32.add(at, row), width);
        forLanes(f, width, ({ load, store }) => store(to, load(from)));
      });
    },
  },
  cost: ({ count }) => ({ bytes: 8 * count, flops: 0 }),
});
