import type { Local } from "./assembler.ts";
import type { SimdForm } from "./form.ts";
import { f32x4, type I32, i32, type V128, v128 } from "./instructions.ts";
import {
  DEPTH,
  element,
  least,
  type MatmulStructure,
  transpose,
} from "./matmul.ts";

/** Columns of an item: two vectors of sums hide that additions take long. */
const COLUMNS = 8;
/** Multiply-adds that take as long as a fork is worth, some 30 us. */
const FORK = 1e5;

/**
 * The same as `matmulSimd` with b: [batch, n, k], for few rows of a: nothing is
 * copied, b is read once for each of them. Gives the same bits, as additions
 * have the same order.
 *
 * An item is a block of columns.
 */
export function matvecSimd(
  { bias, base, activation }: Omit<
    MatmulStructure,
    "transposeA" | "transposeB"
  >,
): SimdForm<
  "batch" | "m" | "n" | "k",
  "a" | "b" | "bias" | "base" | "c" | "pre"
> {
  return {
    items: ({ batch, n }) => batch * Math.ceil(n / COLUMNS),
    grain: ({ m, k }) => Math.ceil(FORK / (COLUMNS * m * (k + 1))),
    emit(f, { begin, end, buffers, sizes: { m, n, k } }): void {
      const blocks = f.let(i32.divU(i32.add(n, COLUMNS - 1), COLUMNS));
      f.for({ from: begin, to: end }, (item) => {
        const matrix = f.let(i32.divU(item, blocks));
        const left = f.let(i32.mul(i32.remU(item, blocks), COLUMNS));
        const width = f.let(i32.sub(n, left));
        const last = f.let(i32.sub(n, 1));
        const lines = Array.from({ length: COLUMNS }, (_, l) => {
          // Beyond the last line it is read again; nobody uses what it gives.
          const line = i32.add(
            i32.mul(matrix, n),
            least(f, i32.add(left, l), last),
          );
          return f.let(element(buffers.b, i32.mul(line, k)));
        });
        const top = f.let(i32.mul(matrix, m));
        f.for({ from: top, to: i32.add(top, m) }, (row) => {
          const a = f.let(element(buffers.a, i32.mul(row, k)));
          const [sums, totals] = [0, 1].map(() =>
            [0, 1].map(() => f.let(f32x4.splat(0)))
          ) as [Local<"v128">[], Local<"v128">[]];
          /** Adds the products of step i and, unless `stop` forbids, 3 more. */
          const turn = (i: I32, stop?: I32): void => {
            const at = f.let(i32.shl(i, 2));
            const x = f.let(i32.add(a, at));
            const y = [0, 4].map((l) =>
              transpose(
                f,
                lines.slice(l, l + 4).map((line) =>
                  f.let(v128.load(i32.add(line, at)))
                ),
              ).map((step) => f.let(step))
            );
            for (let step = 0; step < 4; step++) {
              const add = (): void => {
                const factor = f.let(v128.loadSplat(x, 4 * step));
                sums.forEach((sum, v) =>
                  f.set(sum, f32x4.madd(factor, y[v]![step]!, sum))
                );
              };
              if (stop) f.if(i32.ltU(i32.add(i, step), stop), add);
              else add();
            }
          };
          const index = f.let(i32.add(i32.mul(row, n), left));
          const addToTotals = (addend: (v: number) => V128): void =>
            totals.forEach((total, v) =>
              f.set(total, f32x4.add(total, addend(v)))
            );
          const addRow = (buffer: I32, first: I32): void => {
            const address = f.let(element(buffer, first));
            addToTotals((v) => v128.load(address, 16 * v));
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
            const stop = least(f, k, i32.add(start, DEPTH));
            const whole = f.let(i32.and(stop, -4));
            sums.forEach((sum) => f.set(sum, f32x4.splat(0)));
            f.for({ from: start, to: whole, step: 4 }, (i) => turn(i));
            f.if(i32.ltU(whole, stop), () => turn(whole, stop));
            f.if(start, () => addToTotals((v) => sums[v]!), () => {
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
