import { assertEquals } from "@std/assert";
import {
  accumulate,
  both,
  clear,
  multiply,
  pack,
  packedBytes,
  STEP,
  unload,
} from "../../kernels/attention_tile.ts";
import { FunctionBuilder, type Local } from "../../kernels/wasm/assembler.ts";
import { i32 } from "../../kernels/wasm/instructions.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { Draw } from "../support/for_all.ts";

/** Numbers between two rows. */
const STRIDE = 40;
/** Where rows, two tiles, scores and results lie, in bytes. */
const [ROWS, TILE, SUMS, SCORES, RESULTS] = [
  0,
  16e3,
  24e3,
  32e3,
  40e3,
] as const;

/** Numbers of a memory after the code that `emit` writes, given two sizes. */
function run(
  emit: (f: FunctionBuilder, size: Local<"i32">, count: Local<"i32">) => void,
  { size = 0, count = 0 }: { readonly size?: number; readonly count?: number },
): Float32Array {
  const f = new FunctionBuilder();
  emit(f, f.parameter("i32"), f.parameter("i32"));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const numbers = new Float32Array(memory.buffer);
  const rng = new Draw(1);
  numbers.forEach((_, i) => numbers[i] = 2 * rng.uniform() - 1);
  const module = new WebAssembly.Module(f.module({ shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports["run"] as (size: number, count: number) => void)(size, count);
  return numbers;
}

const rows = { address: i32.const(ROWS), stride: i32.const(4 * STRIDE) };
const results = { address: i32.const(RESULTS), stride: i32.const(4 * STRIDE) };
const [packed, sums, scores] = [TILE, SUMS, SCORES].map((at) => i32.const(at));

for (const headWidth of [1, 3, 4, 6, 17, 24]) {
  Deno.test(`pack() and unload() are inverse for width ${headWidth}`, () => {
    for (const size of [1, 5, 8]) {
      const before = run(() => {}, {});
      const after = run((f, size) => {
        pack(f, rows, { headWidth, size, factor: 2, target: packed! });
        const factors = both(() => f.let(f.constant(0.5)));
        unload(f, results, { headWidth, size, sums: packed!, factors });
      }, { size });
      for (let row = 0; row < 8; row++) {
        for (let column = 0; column < STRIDE; column++) {
          const at = row * STRIDE + column;
          const moved = row < size && column < headWidth;
          const from = moved ? ROWS / 4 + at : RESULTS / 4 + at;
          assertEquals(after[RESULTS / 4 + at], before[from]);
        }
      }
    }
  });

  Deno.test(`multiply() and accumulate() are products of width ${headWidth}`, () => {
    for (const count of [1, 4, 6, 13]) {
      const after = run((f, _, count) => {
        multiply(f, rows, {
          headWidth,
          count,
          packed: packed!,
          target: scores!,
        });
        clear(f, sums!, headWidth);
        accumulate(f, rows, {
          headWidth,
          count,
          weights: scores!,
          sums: sums!,
        });
      }, { count });
      const at = (address: number, row: number, column: number): number =>
        after[address / 4 + row * STEP / 4 + column]!;
      const x = (row: number, e: number): number => after[row * STRIDE + e]!;
      for (let lane = 0; lane < 8; lane++) {
        const products = Array.from({ length: count }, (_, row) => {
          let sum = 0;
          for (let e = 0; e < headWidth; e++) {
            sum += x(row, e) * at(TILE, e, lane);
          }
          return sum;
        });
        const found = products.map((_, row) => at(SCORES, row, lane));
        assertClose(found, products, sumOf(headWidth));
        for (let e = 0; e < headWidth; e++) {
          const sum = found.reduce((sum, w, row) => sum + w * x(row, e), 0);
          assertClose([at(SUMS, e, lane)], [sum], sumOf(4 * count));
        }
      }
    }
  });
}

Deno.test("accumulate() scales earlier sums first", () => {
  const headWidth = 7;
  const before = run(() => {}, {});
  const after = run((f, _, count) => {
    const decay = both(() => f.let(f.constant(0.25)));
    const weights = scores!;
    accumulate(f, rows, { headWidth, count, weights, sums: sums!, decay });
  }, {});
  const [from, to] = [SUMS / 4, SUMS / 4 + headWidth * STEP / 4];
  assertEquals(
    after.slice(from, to),
    before.slice(from, to).map((x) => x / 4),
  );
});

Deno.test("packedBytes() counts whole vectors", () => {
  assertEquals([1, 4, 5].map(packedBytes), [128, 128, 256]);
});
