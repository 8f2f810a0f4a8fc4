import { assert, assertEquals } from "@std/assert";
import { assemble, type SimdKernel } from "../../../kernels/wasm/form.ts";
import {
  matmulSimd,
  type MatmulStructure,
} from "../../../kernels/wasm/matmul.ts";

interface Shape {
  readonly batch?: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Numbers in [-1, 1) that depend on nothing but their count. */
function numbers(count: number): Float32Array {
  let state = count;
  return Float32Array.from({ length: count }, () => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return state / 2 ** 31;
  });
}

/** Inputs a, b, [bias], [base]. */
function draw(
  { bias, base }: MatmulStructure,
  { batch = 1, m, n, k }: Shape,
): Float32Array[] {
  const counts = [batch * m * k, batch * k * n];
  if (bias) counts.push(n);
  if (base) counts.push(batch * m * n);
  return counts.map(numbers);
}

/** c as the form computes it, in pieces of `piece` items. */
function product(
  structure: MatmulStructure,
  { batch = 1, m, n, k }: Shape,
  { inputs, piece = Infinity }: {
    readonly inputs: readonly Float32Array[];
    readonly piece?: number;
  },
): Float32Array {
  const { bias, base } = structure;
  const form = matmulSimd(structure);
  const sizes = { batch, m, n, k };
  const buffers = ["a", "b", bias && "bias", base && "base", "c"];
  const kernel: SimdKernel = {
    name: "matmul",
    buffers: buffers.filter((name) => typeof name === "string"),
    sizes: ["batch", "m", "n", "k"],
    simd: form,
  };
  const counts = inputs.map((input) => input.length);
  counts.push(batch * m * n, form.scratch!(sizes) / 4);
  const spans = counts.map((count) => Math.ceil(4 * count / 64) * 64 + 64);
  const pages = Math.ceil(spans.reduce((sum, span) => sum + span) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages });
  // What lies around the buffers must not reach the results.
  new Float32Array(memory.buffer).fill(NaN);
  // a ends with the memory: reading too far traps.
  let bottom = pages * 65536;
  const pointers = spans.map((span) => bottom -= span);
  inputs.forEach((values, i) => {
    new Float32Array(memory.buffer).set(values, pointers[i]! / 4);
  });
  const module = new WebAssembly.Module(assemble(kernel, { shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const run = exports["run"] as (...args: readonly number[]) => void;
  const [c = 0, scratch = 0] = pointers.slice(-2);
  const items = form.items(sizes);
  for (let begin = 0; begin < items; begin += piece) {
    const end = Math.min(begin + piece, items);
    run(begin, end, ...pointers.slice(0, -1), batch, m, n, k, scratch);
  }
  const values = new Float32Array(memory.buffer, c, batch * m * n + 1);
  assert(Number.isNaN(values.at(-1)));
  return values.slice(0, -1);
}

/** The same with plain loops in double precision. */
function expected(
  { transposeA, transposeB, bias, base }: MatmulStructure,
  { batch = 1, m, n, k }: Shape,
  inputs: readonly Float32Array[],
): Float64Array {
  const [a, b, ...rest] = inputs as [Float32Array, Float32Array];
  const row = bias ? rest.shift() : undefined;
  const whole = base ? rest.shift() : undefined;
  const c = new Float64Array(batch * m * n);
  for (let i = 0; i < c.length; i++) {
    const [matrix, y, x] = [
      Math.floor(i / n / m),
      Math.floor(i / n) % m,
      i % n,
    ];
    let sum = (row?.[x] ?? 0) + (whole?.[i] ?? 0);
    for (let s = 0; s < k; s++) {
      const ya = transposeA ? s * m + y : y * k + s;
      const xb = transposeB ? x * k + s : s * n + x;
      sum += a[matrix * m * k + ya]! * b[matrix * k * n + xb]!;
    }
    c[i] = sum;
  }
  return c;
}

function check(structure: MatmulStructure, shape: Shape): void {
  const inputs = draw(structure, shape);
  const c = product(structure, shape, { inputs });
  const reference = expected(structure, shape, inputs);
  // Rounding errors of k + 2 terms add up like a random walk.
  const tolerance = 1e-6 * Math.sqrt(shape.k + 2);
  c.forEach((value, i) => {
    const error = Math.abs(value - reference[i]!);
    assert(
      error <= tolerance,
      `${JSON.stringify({ structure, shape, i })}: off by ${error}`,
    );
  });
}

const TRANSPOSES = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];
const RAGGED: readonly Shape[] = [
  { m: 1, n: 1, k: 1 },
  { m: 1, n: 37, k: 5 },
  { m: 1, n: 300, k: 259 },
  { m: 2, n: 7, k: 3 },
  { m: 5, n: 8, k: 4 },
  { m: 6, n: 9, k: 255 },
  { m: 7, n: 257, k: 256 },
  { m: 13, n: 31, k: 257 },
  { m: 12, n: 256, k: 8 },
  { m: 61, n: 67, k: 71 },
  { m: 3, n: 255, k: 600 },
  { batch: 3, m: 7, n: 11, k: 13 },
  { batch: 2, m: 1, n: 259, k: 2 },
];

for (const structure of TRANSPOSES) {
  const name = JSON.stringify(structure);
  Deno.test(`matmulSimd(${name}) agrees with plain loops`, () => {
    for (const shape of RAGGED) check(structure, shape);
  });
}

Deno.test("matmulSimd() adds a bias, a base, or both", () => {
  for (const structure of [{ bias: true }, { base: true }]) {
    for (const shape of RAGGED) check(structure, shape);
  }
  check({ bias: true, base: true }, { batch: 2, m: 7, n: 261, k: 300 });
});

Deno.test("matmulSimd() without steps gives zeros, bias or base", () => {
  const shape = { m: 7, n: 11, k: 0 };
  assertEquals(
    product({}, shape, { inputs: draw({}, shape) }),
    new Float32Array(77),
  );
  for (const structure of [{ bias: true }, { base: true }]) {
    check(structure, shape);
  }
});

Deno.test("matmulSimd() has no items without rows or columns", () => {
  const { items } = matmulSimd({});
  assertEquals(items({ batch: 2, m: 0, n: 5, k: 5 }), 0);
  assertEquals(items({ batch: 2, m: 5, n: 0, k: 5 }), 0);
});

Deno.test("matmulSimd() gives the same bits in any pieces", () => {
  for (const structure of TRANSPOSES) {
    const shape = { batch: 2, m: 20, n: 300, k: 300 };
    const inputs = draw(structure, shape);
    const c = product(structure, shape, { inputs });
    for (const piece of [1, 3]) {
      assertEquals(product(structure, shape, { inputs, piece }), c);
    }
  }
});

Deno.test("matmulSimd() gives a row the same bits alone and among others", () => {
  const [m, n, k] = [8, 300, 300];
  const structure = { transposeB: true };
  const inputs = draw(structure, { m, n, k });
  const [a, b] = inputs as [Float32Array, Float32Array];
  const c = product(structure, { m, n, k }, { inputs });
  for (let row = 0; row < m; row++) {
    const alone = [a.slice(row * k, (row + 1) * k), b];
    assertEquals(
      product(structure, { m: 1, n, k }, { inputs: alone }),
      c.slice(row * n, (row + 1) * n),
    );
  }
});
