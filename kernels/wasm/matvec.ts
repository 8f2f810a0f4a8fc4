import { PANEL_LINES } from "../panels.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { SimdForm } from "./form.ts";
import { f32x4, type I32, i32, type V128, v128 } from "./instructions.ts";
import {
  DEPTH,
  element,
  least,
  type MatmulStructure,
  transpose,
} from "./matmul.ts";

/** Lines of `multiplyLines`. */
export const LINES = 8;
/** Steps in one turn of the loop over a panel. */
const UNROLL = 4;
/** Multiply-adds that take as long as a fork is worth, some 30 us. */
const FORK = { lines: 1e5, panels: 2e5 };

/** Structure of a product of few rows. */
type MatvecStructure =
  & Omit<MatmulStructure, "transposeA" | "transposeB">
  & { readonly panelsB?: boolean | undefined };

/**
 * The same as `matmulSimd` with b: [batch, n, k], or that in panels, for few
 * rows of a: nothing is copied, b is read once for each of them. Gives the same
 * bits, as additions have the same order.
 *
 * An item is a block of columns.
 */
export function matvecSimd(
  { panelsB, bias, base, activation }: MatvecStructure,
): SimdForm<
  "batch" | "m" | "n" | "k",
  "a" | "b" | "bias" | "base" | "c" | "pre"
> {
  const columns = panelsB ? PANEL_LINES : LINES;
  const fork = panelsB ? FORK.panels : FORK.lines;
  return {
    items: ({ batch, n }) => batch * Math.ceil(n / columns),
    grain: ({ m, k }) => Math.ceil(fork / (columns * m * (k + 1))),
    emit(f, { begin, end, buffers, sizes: { m, n, k } }): void {
      const blocks = f.let(i32.divU(i32.add(n, columns - 1), columns));
      /** Scalar products of the vector at `x` with the columns of a block. */
      const products = (
        { item, matrix, left }: Readonly<
          Record<"item" | "matrix" | "left", I32>
        >,
      ): (steps: Steps) => Local<"v128">[] => {
        if (panelsB) {
          const panel = f.let(
            element(buffers.b, i32.mul(item, i32.mul(k, PANEL_LINES))),
          );
          return (steps) => multiplyPanel(f, panel, steps);
        }
        const last = f.let(i32.sub(n, 1));
        const lines = Array.from({ length: LINES }, (_, l) => {
          // Beyond the last line it is read again; nobody uses what it gives.
          const line = i32.add(
            i32.mul(matrix, n),
            least(f, i32.add(left, l), last),
          );
          return f.let(element(buffers.b, i32.mul(line, k)));
        });
        return (steps) => multiplyLines(f, lines, steps);
      };
      f.for({ from: begin, to: end }, (item) => {
        const matrix = f.let(i32.divU(item, blocks));
        const left = f.let(i32.mul(i32.remU(item, blocks), columns));
        const width = f.let(i32.sub(n, left));
        const multiply = products({ item, matrix, left });
        const top = f.let(i32.mul(matrix, m));
        f.for({ from: top, to: i32.add(top, m) }, (row) => {
          const x = f.let(element(buffers.a, i32.mul(row, k)));
          const totals = Array.from(
            { length: columns / 4 },
            () => f.let(f32x4.splat(0)),
          );
          const index = f.let(i32.add(i32.mul(row, n), left));
          const add = (addends: readonly V128[]): void =>
            totals.forEach((total, v) =>
              f.set(total, f32x4.add(total, addends[v]!))
            );
          const addRow = (buffer: I32, first: I32): void => {
            const address = f.let(element(buffer, first));
            add(totals.map((_, v) => v128.load(address, 16 * v)));
          };
          const store = (buffer: I32): void =>
            totals.forEach((total, v) =>
              f.if(i32.gtU(width, 4 * v), () => {
                const address = f.let(
                  element(buffer, i32.add(index, 4 * v)),
                );
                f.storeLanes(address, total, i32.sub(width, 4 * v));
              })
            );
          // Without any step, c is written all the same.
          const steps = f.let(i32.add(k, i32.eq(k, 0)));
          f.for({ from: 0, to: steps, step: DEPTH }, (start) => {
            const to = least(f, k, i32.add(start, DEPTH));
            const sums = multiply({ x, from: start, to });
            f.if(start, () => add(sums), () => {
              totals.forEach((total, v) => f.set(total, sums[v]!));
              if (bias) addRow(buffers.bias, left);
              if (base && !activation) addRow(buffers.base, index);
            });
          });
          if (activation) {
            store(buffers.pre);
            totals.forEach((total) => f.set(total, activation(f, total)));
            if (base) addRow(buffers.base, index);
          }
          store(buffers.c);
        });
      });
    },
  };
}

/** Some steps of a vector. */
interface Steps {
  /** Address of the vector. */
  readonly x: I32;
  /** First step, a multiple of 4. */
  readonly from: I32;
  /** End of the steps. */
  readonly to: I32;
}

/**
 * Scalar products of a vector with the lines of a panel, added in the order of
 * the steps.
 */
function multiplyPanel(
  f: FunctionBuilder,
  panel: I32,
  { x, from, to }: Steps,
): Local<"v128">[] {
  const bytes = 4 * PANEL_LINES;
  const sums = Array.from(
    { length: PANEL_LINES / 4 },
    () => f.let(f32x4.splat(0)),
  );
  const turn = (i: I32, steps: number): void => {
    const at = f.let(i32.add(panel, i32.mul(i, bytes)));
    const factors = f.let(element(x, i));
    for (let step = 0; step < steps; step++) {
      const factor = f.let(v128.loadSplat(i32.add(factors, 4 * step)));
      sums.forEach((sum, v) => {
        const four = v128.load(at, step * bytes + 16 * v);
        f.set(sum, f32x4.madd(factor, four, sum));
      });
    }
  };
  const whole = f.let(i32.and(to, -UNROLL));
  f.for({ from, to: whole, step: UNROLL }, (i) => turn(i, UNROLL));
  f.for({ from: whole, to }, (i) => turn(i, 1));
  return sums;
}

/**
 * Scalar products of a vector with 8 lines of numbers, added in the order of
 * the steps. Two vectors of sums hide that an addition takes long.
 */
export function multiplyLines(
  f: FunctionBuilder,
  lines: readonly I32[],
  { x, from, to }: Steps,
): Local<"v128">[] {
  const sums = [0, 4].map(() => f.let(f32x4.splat(0)));
  /** Adds step i and the next three, as far as they come before `stop`. */
  const turn = (i: I32, stop?: I32): void => {
    const at = f.let(i32.shl(i, 2));
    const factors = f.let(i32.add(x, at));
    const steps = [0, 4].map((l) => {
      const four = lines.slice(l, l + 4).map((line) =>
        f.let(v128.load(i32.add(line, at)))
      );
      return transpose(f, four).map((step) => f.let(step));
    });
    for (let step = 0; step < 4; step++) {
      const add = (): void => {
        const factor = f.let(v128.loadSplat(factors, 4 * step));
        sums.forEach((sum, v) =>
          f.set(sum, f32x4.madd(factor, steps[v]![step]!, sum))
        );
      };
      if (stop) f.if(i32.ltU(i32.add(i, step), stop), add);
      else add();
    }
  };
  const whole = f.let(i32.and(to, -4));
  f.for({ from, to: whole, step: 4 }, (i) => turn(i));
  f.if(i32.ltU(whole, to), () => turn(whole, to));
  return sums;
}
