import { assertEquals } from "@std/assert";
import {
  forLanes,
  grainOf,
  lanesMax,
  lanesSum,
  zeros,
} from "../../kernels/rows_simd.ts";
import { FunctionBuilder } from "../../kernels/wasm/assembler.ts";
import { f32x4, i32 } from "../../kernels/wasm/instructions.ts";

/** Sum, largest number and doubles of the first `count` numbers of `row`. */
function reduce(row: Float32Array, count: number): number[] {
  const f = new FunctionBuilder();
  const length = f.parameter("i32");
  const sum = zeros(f);
  const most = f.let(f32x4.splat(-Infinity));
  forLanes(f, length, ({ load, store, within }) => {
    const value = load(i32.const(0));
    f.set(sum, f32x4.add(sum, value));
    f.set(most, f32x4.max(most, within(value, -Infinity)));
    store(i32.const(256), f32x4.add(value, value));
  });
  f.store(i32.const(128), lanesSum(f, sum));
  f.store(i32.const(132), lanesMax(f, most));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(f.module({ shared: false })),
    { env: { memory } },
  );
  new Float32Array(memory.buffer).set(row);
  (exports["run"] as (count: number) => void)(count);
  const view = (at: number, length: number): number[] => [
    ...new Float32Array(memory.buffer, at, length),
  ];
  return [...view(128, 2), ...view(256, row.length)];
}

Deno.test("forLanes() uses and writes each number once, and none beyond", () => {
  const row = Float32Array.of(-1, -2, -4, -8, -16, -32, -64, -128, NaN);
  for (let count = 1; count <= 8; count++) {
    const doubles = Array.from(row, (x, i) => i < count ? 2 * x : 0);
    assertEquals(reduce(row, count), [1 - 2 ** count, -1, ...doubles]);
  }
  assertEquals(reduce(row, 0), [0, -Infinity, ...row.map(() => 0)]);
});

Deno.test("grainOf() asks for more items the less there is to do", () => {
  assertEquals(grainOf(0, 1), 20_000);
  assertEquals(grainOf(99, 0.5), 400);
  assertEquals(grainOf(1e6, 1), 1);
});
