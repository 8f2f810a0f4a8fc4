import {
  add,
  element,
  forLanes,
  grainOf,
  lanesSum,
  least,
  rowOf,
  zeros,
} from "./rows_simd.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import type { SimdForm } from "./wasm/form.ts";
import { type I32, i32, type V128, v128 } from "./wasm/instructions.ts";

/** Columns of an item that adds up a part of each row. */
const PANEL = 64;

/** Vectors of columns that are added up together. */
const VECTORS = 4;

/** Rows whose sum is added at once: fewer small numbers meet a large one. */
const BLOCK = 64;

/** Rows to add up, in this order. */
export interface RowSum {
  /** Columns of each row. */
  readonly cols: I32;
  /** Number of the first row. */
  readonly from: I32;
  /** Number of the end, not included. */
  readonly to: I32;
  /** Address of a row. */
  readonly row: (number: I32) => I32;
  /** Address of what is added first; absent means nothing. */
  readonly base?: I32 | undefined;
  /** Address of the sum. */
  readonly out: I32;
  /** What to write for a sum; default the sum itself. */
  readonly finish?: (sum: V128) => V128;
}

/** Writes the sum of some rows. */
export function sumRows(
  f: FunctionBuilder,
  { cols, from, to, row, base, out, finish = (sum) => sum }: RowSum,
): void {
  const sweep = (at: Local<"i32">, vectors: number): void => {
    const sums = Array.from(
      { length: vectors },
      (_, v) => base ? f.let(v128.load(i32.add(base, at), 16 * v)) : zeros(f),
    );
    f.for({ from, to, step: BLOCK }, (start) => {
      const parts = sums.map(() => zeros(f));
      const end = least(f, i32.add(start, BLOCK), to);
      f.for({ from: start, to: end }, (number) => {
        const address = f.let(i32.add(row(number), at));
        parts.forEach((part, v) => add(f, part, v128.load(address, 16 * v)));
      });
      parts.forEach((part, v) => add(f, sums[v]!, part));
    });
    sums.forEach((sum, v) => {
      const place = f.let(i32.add(out, i32.add(at, 16 * v)));
      const left = i32.sub(i32.sub(cols, i32.shrU(at, 2)), 4 * v);
      f.storeLanes(place, f.let(finish(sum)), left);
    });
  };
  const bytes = f.let(i32.shl(cols, 2));
  const step = 16 * VECTORS;
  const whole = f.let(i32.and(bytes, -step));
  f.for({ from: 0, to: whole, step }, (at) => sweep(at, VECTORS));
  f.for({ from: whole, to: bytes, step: 16 }, (at) => sweep(at, 1));
}

/** Form of a `ColumnSumKernel`; `based` says whether it reads `base`. */
export function columnSumSimd(
  based: boolean,
): SimdForm<"rows" | "cols", "x" | "base" | "out"> {
  return {
    items: ({ cols }) => Math.ceil(cols / PANEL),
    grain: ({ rows }) => grainOf(PANEL * rows, 0.1),
    emit(f, { begin, end, buffers, sizes: { rows, cols } }): void {
      f.for({ from: begin, to: end }, (item) => {
        const left = f.let(i32.mul(item, PANEL));
        const x = f.let(element(buffers.x, left));
        sumRows(f, {
          cols: least(f, i32.sub(cols, left), i32.const(PANEL)),
          from: i32.const(0),
          to: rows,
          row: (r) => element(x, i32.mul(r, cols)),
          base: based ? f.let(element(buffers.base, left)) : undefined,
          out: f.let(element(buffers.out, left)),
        });
      });
    },
  };
}

/** Form of `sumKernel`. */
export const sumSimd: SimdForm<"outer" | "length" | "width", "x" | "out"> = {
  items: ({ outer, width }) => outer * Math.ceil(width / PANEL),
  grain: ({ length, width }) =>
    grainOf(length * Math.min(1, PANEL / width), 0.1),
  emit(f, { begin, end, buffers, sizes: { length, width } }): void {
    const panels = f.let(i32.divU(i32.add(width, PANEL - 1), PANEL));
    const rows = f.let(i32.divU(length, width));
    const rest = f.let(i32.remU(length, width));
    f.for({ from: begin, to: end }, (item) => {
      const outer = f.let(i32.divU(item, panels));
      const left = f.let(i32.mul(i32.remU(item, panels), PANEL));
      const first = f.let(i32.add(i32.mul(outer, length), left));
      const x = f.let(element(buffers.x, first));
      const to = f.let(i32.add(i32.mul(outer, width), left));
      const out = f.let(element(buffers.out, to));
      f.if(i32.eq(width, 1), () => {
        const sums = zeros(f);
        forLanes(f, length, ({ load }) => add(f, sums, load(x)));
        f.store(out, lanesSum(f, sums));
      }, () => {
        const cols = least(f, i32.sub(width, left), i32.const(PANEL));
        const row = (r: I32): I32 => element(x, i32.mul(r, width));
        sumRows(f, { cols, from: i32.const(0), to: rows, row, out });
        // The last row may end early.
        f.if(i32.ltU(left, rest), () => {
          const last = f.let(row(rows));
          forLanes(
            f,
            least(f, i32.sub(rest, left), cols),
            ({ load, store }) => {
              const sum = load(out);
              add(f, sum, load(last));
              store(out, sum);
            },
          );
        });
      });
    });
  },
};

/** Form of an `EmbeddingKernel`; `based` says whether it reads `base`. */
export function embeddingSimd(based: boolean): SimdForm<
  "rows" | "each" | "cols",
  "table" | "ids" | "base" | "out"
> {
  return {
    items: ({ rows }) => rows,
    grain: ({ each, cols }) => grainOf((each + 1) * cols, 0.15),
    emit(f, { begin, end, buffers, sizes: { each, cols } }): void {
      f.for({ from: begin, to: end }, (item) => {
        const from = f.let(i32.mul(item, each));
        sumRows(f, {
          cols,
          from,
          to: f.let(i32.add(from, each)),
          row: (t) => listed(buffers.table, buffers.ids, t, cols),
          base: based ? rowOf(f, buffers.base, item, cols) : undefined,
          out: rowOf(f, buffers.out, item, cols),
        });
      });
    },
  };
}

/** Form of an `EmbeddingGradKernel`; `based` says whether it reads `base`. */
export function embeddingGradSimd(based: boolean): SimdForm<
  "ids" | "cols" | "longest",
  "g" | "order" | "offsets" | "base" | "dtable"
> {
  return {
    items: ({ ids }) => ids,
    grain: ({ cols }) => grainOf(cols, 0.5),
    emit(f, { begin, end, buffers, sizes: { cols } }): void {
      f.for({ from: begin, to: end }, (item) => {
        const offset = f.let(element(buffers.offsets, item));
        sumRows(f, {
          cols,
          from: f.let(i32.load(offset)),
          to: f.let(i32.load(offset, 4)),
          row: (s) => listed(buffers.g, buffers.order, s, cols),
          base: based ? rowOf(f, buffers.base, item, cols) : undefined,
          out: rowOf(f, buffers.dtable, item, cols),
        });
      });
    },
  };
}

/** Address of the row of `matrix` that `list` names at a place. */
function listed(matrix: I32, list: I32, place: I32, cols: I32): I32 {
  return element(matrix, i32.mul(i32.load(element(list, place)), cols));
}
