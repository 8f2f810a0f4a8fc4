import type { FunctionBuilder, Local } from "./assembler.ts";
import type { SimdForm } from "./form.ts";
import { f32x4, type I32, i32, type V128, v128 } from "./instructions.ts";

/** Structure of a matrix product: what its code depends on. */
export interface MatmulStructure {
  /** a is stored as [batch, k, m]. */
  readonly transposeA?: boolean;
  /** b is stored as [batch, n, k]. */
  readonly transposeB?: boolean;
  /** A row [n] is added to every row. */
  readonly bias?: boolean;
  /** A whole [batch, m, n] is added; it may be c itself. */
  readonly base?: boolean;
  /**
   * Writes code for a function of the finished sums, which `pre` receives;
   * `base` is added to its value.
   */
  readonly activation?: (f: FunctionBuilder, sum: V128) => V128;
}

// A strip of 6 rows of a meets a panel of 8 columns of b in 12 accumulators;
// with two vectors of b and one of a they fill V8's 15 registers.
const ROWS = 6;
const COLUMNS = 8;
// DEPTH steps of a strip and a panel fit the first-level cache, the panels of
// BLOCK columns the second. DEPTH alone decides the order of additions, so that
// results do not depend on how rows and columns are cut.
export const DEPTH = 256;
const BLOCK = 256;
/** Bytes of a strip or panel for one step of k; a strip leaves two unused. */
const STEP = 4 * COLUMNS;
// One cache line more than needed: panels then begin in different cache sets.
const PANEL = DEPTH * STEP + 64;
/** Steps in one turn of the innermost loop. */
const UNROLL = 8;
/** Multiply-adds that take as long as a fork is worth, some 30 us. */
const FORK = 6e5;

/**
 * c = a b (+ bias) (+ base) with a: [batch, m, k], b: [batch, k, n] and
 * c: [batch, m, n]. Buffers a, b, [bias], [base], c, [pre]; sizes batch, m, n,
 * k.
 *
 * An item is a strip of rows by a block of columns. Operands are copied into
 * strips and panels that are contiguous along k, as Goto and van de Geijn do
 * (2008, "Anatomy of High-Performance Matrix Multiplication").
 */
export function matmulSimd(
  {
    transposeA = false,
    transposeB = false,
    bias = false,
    base = false,
    activation,
  }: MatmulStructure,
): SimdForm<
  "batch" | "m" | "n" | "k",
  "a" | "b" | "bias" | "base" | "c" | "pre"
> {
  return {
    items: ({ batch, m, n }) =>
      batch * Math.ceil(m / ROWS) * Math.ceil(n / BLOCK),
    // Copying the panels takes about as long as multiplying one strip.
    grain: ({ m, n, k }) =>
      Math.ceil(FORK / (ROWS * Math.min(n, BLOCK) * (k + 1) * (1 + ROWS / m))),
    scratch: () => PANEL * (1 + BLOCK / COLUMNS),
    emit(f, { begin, end, buffers, sizes: { m, n, k }, scratch }): void {
      const strip = scratch;
      const panels = f.let(i32.add(scratch, PANEL));
      const strips = f.let(i32.divU(i32.add(m, ROWS - 1), ROWS));
      const blocks = f.let(i32.divU(i32.add(n, BLOCK - 1), BLOCK));
      const item = f.let(begin);
      f.while(i32.ltU(item, end), () => {
        // The next items that share a block of columns, and so its panels.
        const block = f.let(i32.divU(item, strips));
        const first = f.let(i32.remU(item, strips));
        const last = least(f, strips, i32.add(first, i32.sub(end, item)));
        f.set(item, i32.add(item, i32.sub(last, first)));

        const matrix = f.let(i32.divU(block, blocks));
        const left = f.let(i32.mul(i32.remU(block, blocks), BLOCK));
        const width = least(f, i32.sub(n, left), i32.const(BLOCK));
        const a = f.let(element(buffers.a, i32.mul(matrix, i32.mul(m, k))));
        const b = f.let(element(buffers.b, i32.mul(matrix, i32.mul(k, n))));

        // Without any step, c is written all the same.
        const steps = f.let(i32.add(k, i32.eq(k, 0)));
        f.for({ from: 0, to: steps, step: DEPTH }, (start) => {
          const depth = least(f, i32.sub(k, start), i32.const(DEPTH));
          const isLast = f.let(i32.leU(i32.sub(k, start), DEPTH));
          f.for({ from: 0, to: width, step: COLUMNS }, (j) => {
            copy(f, {
              operand: { address: b, lines: n, steps: k, byLines: transposeB },
              line: f.let(i32.add(left, j)),
              start,
              depth,
              target: panelOf(panels, j),
            });
          });
          f.for({ from: first, to: last }, (s) => {
            const top = f.let(i32.mul(s, ROWS));
            const height = f.let(i32.sub(m, top));
            copy(f, {
              operand: { address: a, lines: m, steps: k, byLines: !transposeA },
              line: top,
              start,
              depth,
              target: strip,
            });
            // Index in c where the strip's first row begins in this block.
            const corner = f.let(
              i32.add(i32.mul(i32.add(i32.mul(matrix, m), top), n), left),
            );
            const add = (sum: Local<"v128">, addend: I32): void =>
              f.set(sum, f32x4.add(sum, v128.load(addend)));
            const write = (sum: Local<"v128">, row: I32, j: I32): void =>
              f.if(i32.ltU(j, width), () => {
                const index = f.let(i32.add(row, j));
                const c = f.let(element(buffers.c, index));
                const count = f.let(i32.sub(width, j));
                const sums = activation
                  ? f.let(element(buffers.pre, index))
                  : c;
                const addBase = (): void => {
                  if (base) add(sum, element(buffers.base, index));
                };
                f.if(start, () => add(sum, sums), () => {
                  if (bias) add(sum, element(buffers.bias, i32.add(left, j)));
                  if (!activation) addBase();
                });
                f.storeLanes(sums, sum, count);
                if (!activation) return;
                f.if(isLast, () => {
                  f.set(sum, activation(f, sum));
                  addBase();
                  f.storeLanes(c, sum, count);
                });
              });
            const sweep = (rows: number, count: number): void => {
              const step = count * COLUMNS;
              f.for({ from: 0, to: width, step }, (j) => {
                const panel = panelOf(panels, j);
                const sums = multiply(f, { strip, panel, depth, rows, count });
                const row = f.let(corner);
                sums.forEach((vectors, r) =>
                  f.if(i32.gtU(height, r), () => {
                    vectors.forEach((sum, v) =>
                      write(sum, row, f.let(i32.add(j, 4 * v)))
                    );
                    f.set(row, i32.add(row, n));
                  })
                );
              });
            };
            // A single row would leave most accumulators of a strip idle.
            f.if(i32.eq(height, 1), () => sweep(1, 4), () => sweep(ROWS, 1));
          });
        });
      });
    },
  };
}

export function least(f: FunctionBuilder, a: I32, b: I32): Local<"i32"> {
  const [x, y] = [f.let(a), f.let(b)];
  return f.let(i32.select(x, y, i32.ltU(x, y)));
}

/** Address of a number in a buffer. */
export function element(buffer: I32, index: I32): I32 {
  return i32.add(buffer, i32.shl(index, 2));
}

/** Address of the panel that holds column `j` of its block. */
function panelOf(panels: I32, j: I32): I32 {
  return i32.add(panels, i32.mul(i32.shrU(j, Math.log2(COLUMNS)), PANEL));
}

/** A matrix seen as lines, rows of a or columns of b, of steps along k. */
interface Operand {
  readonly address: I32;
  readonly lines: I32;
  readonly steps: I32;
  /** Whether lines lie one after another, rather than steps. */
  readonly byLines: boolean;
}

/** Copies `depth` steps from `start` on of 8 lines from `line` on. */
function copy(f: FunctionBuilder, { operand, line, start, depth, target }: {
  readonly operand: Operand;
  readonly line: I32;
  readonly start: I32;
  readonly depth: I32;
  readonly target: I32;
}): void {
  const { address, lines, steps, byLines } = operand;
  const to = f.let(target);
  if (!byLines) {
    const stride = f.let(i32.shl(lines, 2));
    const from = f.let(
      i32.add(element(address, line), i32.mul(start, stride)),
    );
    f.for({ from: 0, to: depth }, () => {
      for (let at = 0; at < STEP; at += 16) {
        f.store(to, v128.load(from, at), at);
      }
      f.set(from, i32.add(from, stride));
      f.set(to, i32.add(to, STEP));
    });
    return;
  }
  // Beyond the last line it is read again; nobody uses what it gives.
  const from = Array.from({ length: COLUMNS }, (_, l) => {
    const there = least(f, i32.add(line, l), i32.sub(lines, 1));
    return f.let(element(address, i32.add(i32.mul(there, steps), start)));
  });
  f.for({ from: 0, to: depth, step: 4 }, (i) => {
    const offset = i32.shl(i, 2);
    for (let l = 0; l < COLUMNS; l += 4) {
      const four = from.slice(l, l + 4).map((line) =>
        f.let(v128.load(i32.add(line, offset)))
      );
      transpose(f, four).forEach((vector, step) =>
        f.store(to, vector, step * STEP + 4 * l)
      );
    }
    f.set(to, i32.add(to, 4 * STEP));
  });
}

/** Columns of the 4 x 4 matrix with these rows. */
export function transpose(f: FunctionBuilder, rows: readonly V128[]): V128[] {
  const [a, b, c, d] = rows as [V128, V128, V128, V128];
  return ([[0, 4, 1, 5], [2, 6, 3, 7]] as const).flatMap((order) => {
    const ab = f.let(v128.shuffle(a, b, order));
    const cd = f.let(v128.shuffle(c, d, order));
    return [
      v128.shuffle(ab, cd, [0, 1, 4, 5]),
      v128.shuffle(ab, cd, [2, 3, 6, 7]),
    ];
  });
}

/** Sums of products of `rows` rows of a strip with `count` panels. */
function multiply(f: FunctionBuilder, { strip, panel, depth, rows, count }: {
  readonly strip: I32;
  readonly panel: I32;
  readonly depth: I32;
  readonly rows: number;
  readonly count: number;
}): Local<"v128">[][] {
  const x = f.let(strip);
  const y = f.let(panel);
  const places = Array.from(
    { length: count * COLUMNS / 4 },
    (_, v) => Math.floor(v / 2) * PANEL + v % 2 * 16,
  );
  const sums = Array.from(
    { length: rows },
    () => places.map(() => f.let(f32x4.splat(0))),
  );
  const turn = (steps: number): void => {
    for (let step = 0; step < steps; step++) {
      const b = places.map((place) => f.let(v128.load(y, step * STEP + place)));
      sums.forEach((vectors, r) => {
        // Added to the address, an offset costs nothing; as the offset of a
        // splat, V8 would add it and check it against the memory's end.
        const a = f.let(v128.loadSplat(i32.add(x, step * STEP + 4 * r)));
        vectors.forEach((sum, v) => f.set(sum, f32x4.madd(a, b[v]!, sum)));
      });
    }
    f.set(x, i32.add(x, steps * STEP));
    f.set(y, i32.add(y, steps * STEP));
  };
  f.for({ from: 0, to: i32.divU(depth, UNROLL) }, () => turn(UNROLL));
  f.for({ from: 0, to: i32.remU(depth, UNROLL) }, () => turn(1));
  return sums;
}
