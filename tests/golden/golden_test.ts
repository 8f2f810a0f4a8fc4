import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { adamW } from "../reference/adamw.ts";
import {
  backward,
  dot,
  gradsOf,
  type Matrix,
  matrix,
  max,
  mul,
  Scalar,
  valuesOf,
} from "../reference/autodiff64.ts";
import {
  attention,
  type Interval,
  linear,
  logSumExp,
  mean,
  nats,
  rmsNorm,
  rope,
  silu,
  softmax,
} from "../reference/transformer.ts";
import { GOLDEN, golden, type GoldenCase } from "./golden.ts";

type Reference = (inputs: readonly Matrix[], of: GoldenCase) => Matrix;

/** [H, N, E] as H N rows -> [N, H E], heads side by side. */
function joinHeads(x: Matrix, heads = 2): Matrix {
  const rows = x.length / heads;
  return x.slice(0, rows).map((_, i) =>
    Array.from({ length: heads }, (_, h) => x[h * rows + i]!).flat()
  );
}

/** [N, H E] -> [H, N, E] as H N rows. */
function splitHeads(x: Matrix, heads = 2): Matrix {
  const width = x[0]!.length / heads;
  return Array.from(
    { length: heads },
    (_, h) => x.map((row) => row.slice(h * width, (h + 1) * width)),
  ).flat();
}

const headwise: Reference = ([q, k, v], { integers: { lo, hi } }) =>
  splitHeads(attention({
    q: joinHeads(q!),
    k: joinHeads(k!),
    v: joinHeads(v!),
    heads: 2,
    intervals: lo!.map((from, i): Interval => [from, hi![i]!]),
  }));

const references: Readonly<Record<string, Reference>> = {
  silu: ([x]) => x!.map((row) => row.map(silu)),
  swiglu: ([gate, up]) =>
    gate!.map((row, i) => row.map((x, j) => mul(silu(x), up![i]![j]!))),
  matmulTransposedB: ([a, b]) => linear(a!, b!),
  softmax: ([x]) => x!.map(softmax),
  logSumExp: ([x]) => [x!.map(logSumExp)],
  rmsNorm: ([x, gain]) => rmsNorm(x!, gain!),
  crossEntropy: ([logits], { integers }) => [
    [mean(nats(logits!, integers["targets"]!))],
  ],
  embedding: ([table], { integers }) =>
    integers["ids"]!.map((id) => table![id]!),
  segmentMax: ([x], { integers }) => {
    let end = 0;
    return integers["lengths"]!.map((length) => {
      const rows = x!.slice(end, end += length);
      return rows[0]!.map((_, j) => max(rows.map((row) => row[j]!)));
    });
  },
  attentionCausal: headwise,
  attentionWindowed: headwise,
  attentionDocuments: headwise,
  attentionSlots: headwise,
  rope: ([x], { params }) =>
    splitHeads(rope(joinHeads(x!), 2, params["theta"]!)),
};

function assertAllClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
): void {
  assertEquals(actual.length, expected.length);
  expected.forEach((value, i) =>
    assertAlmostEquals(actual[i]!, value, 1e-8 * Math.max(1, Math.abs(value)))
  );
}

for (const [name, reference] of Object.entries(references)) {
  Deno.test(`golden() ${name} has the reference's value and gradient`, () => {
    const of = golden(name);
    const inputs = of.inputs.map(({ shape, data }) =>
      matrix(data, shape.at(-1)!)
    );
    const output = reference(inputs, of);
    assertAllClose(valuesOf(output), of.output.data);
    const weights = of.outputGrad!.data.map((weight) => new Scalar(weight));
    backward(dot(output.flat(), weights));
    of.grads.forEach((grad, i) =>
      assertAllClose(gradsOf(inputs[i]!), grad.data)
    );
  });
}

Deno.test("golden() adamw has the reference's ten steps", () => {
  const { inputs: [start, grads], params, output } = golden("adamw");
  const data = Float64Array.from(start!.data);
  const update = adamW(new Map([["w", { shape: [4], data }]]), {
    lr: params["lr"]!,
    beta1: params["beta1"]!,
    beta2: params["beta2"]!,
    eps: params["eps"]!,
    weightDecay: params["weightDecay"]!,
  });
  for (let i = 0; i < output.data.length; i += 4) {
    update(new Map([["w", Float64Array.from(grads!.data.slice(i, i + 4))]]));
    assertAllClose(data, output.data.slice(i, i + 4));
  }
});

Deno.test("golden() shapes fit their data", () => {
  for (const { inputs, output, outputGrad, grads } of GOLDEN.values()) {
    for (const { shape, data } of [...inputs, output, ...grads]) {
      assertEquals(data.length, shape.reduce((n, size) => n * size, 1));
    }
    if (outputGrad !== undefined) {
      assertEquals(outputGrad.shape, output.shape);
      assertEquals(
        grads.map(({ shape }) => shape),
        inputs.map(({ shape }) => shape),
      );
    }
  }
});

Deno.test("golden() throws for a name that it does not know", () => {
  assertThrows(() => golden("softMax"), RangeError, "softMax");
});
