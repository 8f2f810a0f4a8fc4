import { assertEquals, assertThrows } from "@std/assert";
import { FunctionBuilder } from "../../../kernels/wasm/assembler.ts";
import { i32, v128 } from "../../../kernels/wasm/instructions.ts";

/** First whole numbers of memory after the function ran on `args`. */
function run(
  f: FunctionBuilder,
  { args = [], count = 1 }: {
    readonly args?: readonly number[];
    readonly count?: number;
  } = {},
): number[] {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(f.module({ shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports["run"] as (...args: readonly number[]) => void)(...args);
  return [...new Int32Array(memory.buffer, 0, count)];
}

Deno.test("FunctionBuilder.parameter() comes before locals", () => {
  const f = new FunctionBuilder();
  const x = f.parameter("i32");
  const y = f.parameter("i32");
  f.store(i32.const(0), i32.sub(x, y));
  assertEquals(run(f, { args: [9, 4] }), [5]);
  f.let(x);
  assertThrows(() => f.parameter("f32"), RangeError, "locals come after");
});

Deno.test("FunctionBuilder.if() runs one of two ways", () => {
  for (const [condition, expected] of [[0, 20], [3, 10]] as const) {
    const f = new FunctionBuilder();
    const x = f.let(i32.const(1));
    f.if(
      i32.const(condition),
      () => f.set(x, i32.const(10)),
      () => f.set(x, i32.const(20)),
    );
    f.store(i32.const(0), x);
    assertEquals(run(f), [expected]);
  }
});

Deno.test("FunctionBuilder.for() runs through a range", () => {
  const sums = [[0, 0, 1], [5, 3, 1], [0, 5, 1], [2, 11, 3]].map(
    ([from, to, step]) => {
      const f = new FunctionBuilder();
      const sum = f.let(i32.const(0));
      const range = { from: from!, to: to!, step: step! };
      f.for(range, (i) => f.set(sum, i32.add(sum, i)));
      f.store(i32.const(0), sum);
      return run(f)[0];
    },
  );
  assertEquals(sums, [0, 0, 10, 15]);
});

Deno.test("FunctionBuilder.while() tests before each turn", () => {
  const f = new FunctionBuilder();
  const x = f.let(i32.const(100));
  f.while(i32.gtU(x, 10), () => f.set(x, i32.divU(x, 2)));
  f.while(i32.const(0), () => f.set(x, i32.const(-1)));
  f.store(i32.const(0), x);
  assertEquals(run(f), [6]);
});

Deno.test("FunctionBuilder.storeLanes() writes no lane too many", () => {
  for (let count = 0; count < 6; count++) {
    const f = new FunctionBuilder();
    const address = f.let(i32.const(0));
    for (let lane = 0; lane < 4; lane++) {
      f.store(address, i32.const(lane + 1), 64 + 4 * lane);
    }
    const value = f.let(v128.load(address, 64));
    f.storeLanes(address, value, i32.const(count));
    const expected = [1, 2, 3, 4].map((v, i) => i < count ? v : 0);
    assertEquals(run(f, { count: 5 }), [...expected, 0]);
  }
});

Deno.test("FunctionBuilder.constant() tells 0 from -0 and keeps NaN", () => {
  const values = [0, -0, NaN, NaN, 1.5];
  const f = new FunctionBuilder();
  const constants = values.map((value) => f.constant(value));
  assertEquals(constants[2], constants[3]);
  f.for({ from: 0, to: 2 }, () => {
    constants.forEach((constant, i) => f.store(i32.const(4 * i), constant));
  });
  const bits = [...new Int32Array(Float32Array.from(values).buffer)];
  assertEquals(run(f, { count: 5 }), bits);
});

Deno.test("FunctionBuilder.module() imports shared memory of any size", () => {
  const f = new FunctionBuilder();
  f.store(i32.const(70000), i32.const(7), 4);
  const memory = new WebAssembly.Memory({
    initial: 2,
    maximum: 1000,
    shared: true,
  });
  const module = new WebAssembly.Module(f.module({ shared: true }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports["run"] as () => void)();
  assertEquals(new Int32Array(memory.buffer)[70004 / 4], 7);
});
