import { assert, assertEquals } from "@std/assert";
import {
  FunctionBuilder,
  type Local,
} from "../../../kernels/wasm/assembler.ts";
import { type V128, v128 } from "../../../kernels/wasm/instructions.ts";
import {
  exp,
  expDown,
  log,
  sigmoid,
  tanh,
} from "../../../kernels/wasm/math.ts";

type Emitter = (f: FunctionBuilder, x: V128) => Local<"v128">;

/** The function that an emitter writes, on a list of numbers. */
function compile(emitter: Emitter): (x: Float32Array) => Float32Array {
  const f = new FunctionBuilder();
  const bytes = f.parameter("i32");
  f.for({ from: 0, to: bytes, step: 16 }, (at) => {
    f.store(at, emitter(f, v128.load(at)));
  });
  const module = new WebAssembly.Module(f.module({ shared: false }));
  return (x) => {
    const pages = Math.ceil((4 * x.length + 16) / 65536);
    const memory = new WebAssembly.Memory({ initial: pages });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const values = new Float32Array(memory.buffer, 0, x.length);
    values.set(x);
    (exports["run"] as (bytes: number) => void)(4 * x.length);
    return values;
  };
}

/** Distance to the next larger f32, for numbers of the size of `value`. */
function ulp(value: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  return 2 ** (Math.max(exponent, -126) - 23);
}

/** Greatest error over `x`, in ulp of the exact result. */
function greatestError(
  emitter: Emitter,
  exact: (x: number) => number,
  x: Float32Array,
): number {
  const y = compile(emitter)(x);
  let worst = 0;
  x.forEach((value, i) => {
    const expected = exact(value);
    const error = Math.abs(y[i]! - expected) / ulp(expected || 2 ** -126);
    assert(!Number.isNaN(error), `${value} gives ${y[i]}`);
    worst = Math.max(worst, error);
  });
  return worst;
}

/** `count` numbers from `from` to `to`, evenly. */
function evenly(from: number, to: number, count = 100_003): Float32Array {
  const step = (to - from) / (count - 1);
  return Float32Array.from({ length: count }, (_, i) => from + i * step);
}

/** Every 10,007th f32 from 2^-149 to the largest. */
function allSizes(): Float32Array {
  const bits = Uint32Array.from(
    { length: Math.floor(0x7f800000 / 10_007) },
    (_, i) => 1 + 10_007 * i,
  );
  return new Float32Array(bits.buffer);
}

const EDGES = Float32Array.of(0, -0, Infinity, -Infinity, NaN, 2e38, -2e38, 1);

Deno.test("exp() is within 1.1 ulp, subnormal results included", () => {
  assert(greatestError(exp, Math.exp, evenly(-104, 88.7)) <= 1.1);
  assert(greatestError(exp, Math.exp, evenly(-1, 1)) <= 1.1);
  const edges = [...compile(exp)(EDGES)];
  const e = Math.fround(Math.E);
  assertEquals(edges, [1, 1, Infinity, 0, NaN, Infinity, 0, e]);
});

Deno.test("expDown() is within 1.1 ulp, and 0 below normal results", () => {
  assert(greatestError(expDown, Math.exp, evenly(-87.33, 0)) <= 1.1);
  assert(greatestError(expDown, Math.exp, evenly(-1, 0)) <= 1.1);
  const x = Float32Array.of(0, -0, -Infinity, NaN, -87.34, -200, -1e38, -1);
  const inverse = Math.fround(1 / Math.E);
  assertEquals(
    [...compile(expDown)(x)],
    [1, 1, 0, NaN, 0, 0, 0, inverse],
  );
});

Deno.test("log() is within 1 ulp, subnormal arguments included", () => {
  assert(greatestError(log, Math.log, allSizes()) <= 1);
  assert(greatestError(log, Math.log, evenly(0.4, 2.5)) <= 1);
  const edges = [...compile(log)(EDGES)];
  const large = Math.fround(Math.log(2e38));
  assertEquals(
    edges,
    [-Infinity, -Infinity, Infinity, NaN, NaN, large, NaN, 0],
  );
});

Deno.test("tanh() is within 2.2 ulp, near 0 too", () => {
  assert(greatestError(tanh, Math.tanh, evenly(-12, 12)) <= 2.2);
  assert(greatestError(tanh, Math.tanh, allSizes()) <= 2.2);
  const edges = [...compile(tanh)(EDGES)];
  assertEquals(edges.slice(0, -1), [0, -0, 1, -1, NaN, 1, -1]);
});

Deno.test("sigmoid() is within 2.5 ulp", () => {
  const exact = (x: number): number => 1 / (1 + Math.exp(-x));
  assert(greatestError(sigmoid, exact, evenly(-87, 100)) <= 2.5);
  const edges = [...compile(sigmoid)(EDGES)];
  assertEquals(edges.slice(0, -1), [0.5, 0.5, 1, 0, NaN, 1, 0]);
});
