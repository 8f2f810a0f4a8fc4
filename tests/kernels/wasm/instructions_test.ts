import { assertEquals } from "@std/assert";
import { FunctionBuilder } from "../../../kernels/wasm/assembler.ts";
import {
  type Expression,
  f32,
  f32x4,
  i32,
  i32x4,
  type V128,
  v128,
  type ValueType,
} from "../../../kernels/wasm/instructions.ts";

/** Memory after storing `value` at 64; `bytes` lie at 0, 16, 32, 48. */
function run(
  value: Expression<ValueType>,
  ...rows: readonly (Float32Array | Int32Array)[]
): ArrayBufferLike {
  const memory = new WebAssembly.Memory({ initial: 1 });
  rows.forEach((row, i) => {
    new Uint8Array(memory.buffer).set(new Uint8Array(row.buffer), 16 * i);
  });
  const f = new FunctionBuilder();
  f.store(i32.const(64), value);
  const module = new WebAssembly.Module(f.module({ shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports["run"] as () => void)();
  return memory.buffer.slice(64, 80);
}

/** The i32 that `value` computes. */
function whole(value: Expression<ValueType>): number {
  return new Int32Array(run(value))[0]!;
}

/** The f32 that `value` computes. */
function real(value: Expression<ValueType>): number {
  return new Float32Array(run(value))[0]!;
}

/** The four f32 that `value` makes of vectors loaded by `row`. */
function reals(value: V128, ...rows: readonly number[][]): number[] {
  const data = rows.map((row) => Float32Array.from(row));
  return [...new Float32Array(run(value, ...data))];
}

/** The four i32 that `value` makes of vectors loaded by `row`. */
function wholes(value: V128, ...rows: readonly number[][]): number[] {
  const data = rows.map((row) => Int32Array.from(row));
  return [...new Int32Array(run(value, ...data))];
}

const a = v128.load(0);
const b = v128.load(0, 16);
const c = v128.load(32);

Deno.test("i32.const() holds every number of 32 bits", () => {
  for (
    const value of [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 31 - 1, -1, -64]
      .concat([-65, -8192, -8193, -(2 ** 31)])
  ) {
    assertEquals(whole(i32.const(value)), value);
  }
  assertEquals(whole(i32.const(2 ** 32 - 1)), -1);
});

Deno.test("i32 calculates modulo 2^32, unsigned where the name says so", () => {
  const table: [Expression<"i32">, number][] = [
    [i32.add(2 ** 31 - 1, 1), -(2 ** 31)],
    [i32.sub(7, 9), -2],
    [i32.mul(-3, 5), -15],
    [i32.divU(-1, 2), 2 ** 31 - 1],
    [i32.remU(17, 5), 2],
    [i32.and(12, 10), 8],
    [i32.or(12, 10), 14],
    [i32.xor(12, 10), 6],
    [i32.shl(3, 4), 48],
    [i32.shrS(-16, 2), -4],
    [i32.shrU(-16, 28), 15],
    [i32.eq(3, 3), 1],
    [i32.ne(3, 3), 0],
    [i32.ltU(-1, 1), 0],
    [i32.ltS(-1, 1), 1],
    [i32.gtU(-1, 1), 1],
    [i32.leU(2, 2), 1],
    [i32.geU(1, 2), 0],
    [i32.select(5, 6, i32.const(0)), 6],
    [i32.reinterpret(f32.const(1)), 0x3f800000],
    [i32x4.extractLane(i32x4.splat(9), 3), 9],
    [v128.anyTrue(i32x4.splat(0)), 0],
    [v128.anyTrue(i32x4.splat(4)), 1],
  ];
  assertEquals(
    table.map(([code]) => whole(code)),
    table.map(([, value]) => value),
  );
});

Deno.test("f32 calculates in single precision", () => {
  const table: [Expression<ValueType>, number][] = [
    [f32.add(0.5, 0.25), 0.75],
    [f32.sub(0.5, 0.25), 0.25],
    [f32.mul(-3, 0.5), -1.5],
    [f32.div(1, 3), Math.fround(1 / 3)],
    [f32.min(2, -2), -2],
    [f32.max(2, -2), 2],
    [f32.abs(f32.const(-2)), 2],
    [f32.neg(f32.const(2)), -2],
    [f32.sqrt(f32.const(9)), 3],
    [f32.floor(f32.const(-1.5)), -2],
    [f32.ceil(f32.const(-1.5)), -1],
    [f32.nearest(f32.const(2.5)), 2],
    [f32.convert(i32.const(-1)), 2 ** 32],
    [f32.reinterpret(i32.const(0x40000000)), 2],
    [f32x4.extractLane(f32x4.splat(2.5), 2), 2.5],
  ];
  assertEquals(
    table.map(([code]) => real(code)),
    table.map(([, value]) => value),
  );
  const { eq, ne, lt, gt, le, ge } = f32;
  const answers = [eq, ne, lt, gt, le, ge].map((f) => whole(f(1, 2)));
  assertEquals(answers, [0, 1, 1, 0, 1, 0]);
});

Deno.test("f32x4 works lane by lane", () => {
  const x = [1, -2, 3.5, -4.5];
  const y = [2, 2, -2, 0.5];
  const table: [V128, number[]][] = [
    [f32x4.add(a, b), [3, 0, 1.5, -4]],
    [f32x4.sub(a, b), [-1, -4, 5.5, -5]],
    [f32x4.mul(a, b), [2, -4, -7, -2.25]],
    [f32x4.div(a, b), [0.5, -1, -1.75, -9]],
    [f32x4.min(a, b), [1, -2, -2, -4.5]],
    [f32x4.max(a, b), [2, 2, 3.5, 0.5]],
    [f32x4.pmin(a, b), [1, -2, -2, -4.5]],
    [f32x4.pmax(a, b), [2, 2, 3.5, 0.5]],
    [f32x4.pmin(f32x4.splat(NaN), b), [NaN, NaN, NaN, NaN]],
    [f32x4.pmax(f32x4.splat(NaN), b), [NaN, NaN, NaN, NaN]],
    [f32x4.madd(a, b, c), [102, 96, 93, 97.75]],
    [f32x4.abs(a), [1, 2, 3.5, 4.5]],
    [f32x4.neg(a), [-1, 2, -3.5, 4.5]],
    [f32x4.sqrt(f32x4.mul(b, b)), [2, 2, 2, 0.5]],
    [f32x4.floor(a), [1, -2, 3, -5]],
    [f32x4.ceil(a), [1, -2, 4, -4]],
    [f32x4.nearest(a), [1, -2, 4, -4]],
    [v128.loadSplat(0, 8), [3.5, 3.5, 3.5, 3.5]],
    [v128.shuffle(a, b, [3, 4, 0, 7]), [-4.5, 2, 1, 0.5]],
    [f32x4.convert(i32x4.splat(3)), [3, 3, 3, 3]],
  ];
  const z = [100, 100, 100, 100];
  assertEquals(
    table.map(([code]) => reals(code, x, y, z)),
    table.map(([, value]) => value),
  );
  const { eq, ne, lt, gt, le, ge } = f32x4;
  assertEquals(
    [eq, ne, lt, gt, le, ge].map((compare) =>
      reals(v128.and(compare(a, b), c), [1, 2, 3, 4], [1, 3, 2, 4], z)
    ),
    [
      [100, 0, 0, 100],
      [0, 100, 100, 0],
      [0, 100, 0, 0],
      [0, 0, 100, 0],
      [100, 100, 0, 100],
      [100, 0, 100, 100],
    ],
  );
});

Deno.test("i32x4 and v128 work on bits", () => {
  const x = [1, -2, 12, 2 ** 30];
  const y = [3, 2, 10, 2 ** 30];
  const table: [V128, number[]][] = [
    [i32x4.add(a, b), [4, 0, 22, -(2 ** 31)]],
    [i32x4.sub(a, b), [-2, -4, 2, 0]],
    [i32x4.mul(a, b), [3, -4, 120, 0]],
    [i32x4.eq(a, b), [0, 0, 0, -1]],
    [i32x4.ne(a, b), [-1, -1, -1, 0]],
    [i32x4.shl(a, 1), [2, -4, 24, -(2 ** 31)]],
    [i32x4.shrS(a, 1), [0, -1, 6, 2 ** 29]],
    [i32x4.shrU(a, 1), [0, 2 ** 31 - 1, 6, 2 ** 29]],
    [v128.and(a, b), [1, 2, 8, 2 ** 30]],
    [v128.andnot(a, b), [0, -4, 4, 0]],
    [v128.or(a, b), [3, -2, 14, 2 ** 30]],
    [v128.xor(a, b), [2, -4, 6, 0]],
    [v128.select(a, b, i32x4.splat(8)), [3, 10, 10, 2 ** 30]],
  ];
  assertEquals(
    table.map(([code]) => wholes(code, x, y)),
    table.map(([, value]) => value),
  );
});
