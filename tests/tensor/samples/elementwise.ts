import * as ops from "../../../tensor/ops/elementwise.ts";
import { fuse } from "../../../tensor/ops/fuse.ts";
import { swiglu } from "../../../tensor/ops/swiglu.ts";
import { MOST, numbers, rowsOf, type Sample } from "../sample.ts";

type Domain = readonly [low: number, high: number];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function unary(
  op: string,
  run: ops.UnaryOp,
  reference: (x: number) => number,
  domain: Domain = [-2, 2],
  most: number = MOST,
): Sample {
  return {
    op,
    most,
    inputs: [numbers([3, 5], domain)],
    run: (x) => run(x!),
    reference: (x) => x!.map((v) => reference(v)),
  };
}

function binary(
  op: string,
  run: ops.BinaryOp,
  reference: (x: number, y: number) => number,
  domain: Domain = [-2, 2],
): Sample {
  return {
    op,
    ...(op === "div" ? { most: 2 ** 120 } : {}),
    inputs: [numbers([3, 5]), numbers([3, 5], domain)],
    run: (x, y) => run(x!, y!),
    reference: (x, y) => x!.map((v, i) => reference(v, y![i]!)),
  };
}

/** Operations with jumps: their inputs must include ties. */
function comparison(
  op: string,
  run: ops.BinaryOp,
  reference: (x: number, y: number) => boolean,
): Sample {
  return {
    op,
    inputs: [numbers([7])],
    run: (x) => run(x!, ops.mul(ops.abs(x!), 1)),
    reference: (x) => x!.map((v) => Number(reference(v, Math.abs(v)))),
    differentiable: false,
  };
}

/** Adds tensors of two shapes, with places found anew for each element. */
function broadcasting(a: number[], b: number[], out: number[]): Sample {
  const at = (index: number, shape: number[]): number => {
    let place = 0;
    let step = 1;
    let rest = index;
    for (let back = 1; back <= out.length; back++) {
      const coordinate = rest % out.at(-back)!;
      rest = Math.floor(rest / out.at(-back)!);
      const size = shape.at(-back) ?? 1;
      if (back <= shape.length && size > 1) place += coordinate * step;
      step *= size;
    }
    return place;
  };
  const size = out.reduce((x, y) => x * y, 1);
  return {
    op: "mul",
    note: `of [${a}] and [${b}]`,
    inputs: [numbers(a), numbers(b)],
    run: (x, y) => ops.mul(x!, y!),
    reference: (x, y) =>
      Array.from({ length: size }, (_, i) => x![at(i, a)]! * y![at(i, b)]!),
  };
}

const gelu = (x: number): number =>
  0.5 * x *
  (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const weightedPower = fuse("sampled", (x, y, z) => x.mul(y).tanh().add(z));

/** Rows of elementwise operations. */
export const elementwiseSamples: readonly Sample[] = [
  binary("add", ops.add, (x, y) => x + y),
  binary("sub", ops.sub, (x, y) => x - y),
  binary("mul", ops.mul, (x, y) => x * y),
  binary("div", ops.div, (x, y) => x / y, [0.5, 2]),
  binary("maximum", ops.maximum, Math.max),
  binary("minimum", ops.minimum, Math.min),
  unary("neg", ops.neg, (x) => -x),
  unary("exp", ops.exp, Math.exp),
  unary("log", ops.log, Math.log, [0.1, 3]),
  unary("sqrt", ops.sqrt, Math.sqrt, [0.1, 3]),
  unary("rsqrt", ops.rsqrt, (x) => 1 / Math.sqrt(x), [0.1, 3]),
  unary("square", ops.square, (x) => x * x, [-2, 2], 2 ** 120),
  unary("tanh", ops.tanh, Math.tanh),
  unary("sigmoid", ops.sigmoid, sigmoid),
  // WGSL promises nothing of angles beyond π.
  unary("sin", ops.sin, Math.sin, [-2, 2], 3),
  unary("cos", ops.cos, Math.cos, [-2, 2], 3),
  unary("abs", ops.abs, Math.abs),
  unary("relu", ops.relu, (x) => Math.max(0, x)),
  unary("silu", ops.silu, (x) => x * sigmoid(x)),
  // The gradient cubes.
  unary("gelu", ops.gelu, gelu, [-2, 2], 2 ** 40),
  unary("pow", (x) => ops.pow(x, 3), (x) => x ** 3),
  ...[-65, -2, 0, 65, 100].map((exponent): Sample => ({
    ...unary(
      "pow",
      (x) => ops.pow(x, exponent),
      (x) => x ** exponent,
      [-1.05, -0.9],
    ),
    note: `of exponent ${exponent}`,
    tolerance: { absolute: 1e-6, relative: 1e-4 },
  })),
  ...[-1.5, 0.5, 2.5].map((exponent): Sample => ({
    ...unary(
      "pow",
      (x) => ops.pow(x, exponent),
      (x) => x ** exponent,
      [0.5, 2],
    ),
    note: `of exponent ${exponent}`,
  })),
  unary(
    "clamp",
    (x) => ops.clamp(x, -1, 0.5),
    (x) => Math.min(Math.max(x, -1), 0.5),
  ),
  comparison("greater", ops.greater, (x, y) => x > y),
  comparison("greaterEqual", ops.greaterEqual, (x, y) => x >= y),
  comparison("less", ops.less, (x, y) => x < y),
  comparison("lessEqual", ops.lessEqual, (x, y) => x <= y),
  comparison("equal", ops.equal, (x, y) => x === y),
  {
    op: "where",
    note: "of a condition, a tensor and a number",
    most: 2 ** 120,
    inputs: [numbers([3, 5])],
    run: (x) => ops.where(ops.greater(x!, 0), ops.square(x!), -1),
    reference: (x) => x!.map((v) => v > 0 ? v * v : -1),
  },
  {
    op: "where",
    note: "of three tensors",
    inputs: [numbers([3, 5]), numbers([3, 5]), numbers([3, 5])],
    run: (x, y, z) => ops.where(x!, y!, z!),
    reference: (x, y, z) => x!.map((v, i) => v === 0 ? z![i]! : y![i]!),
  },
  {
    op: "clamp",
    note: "between tensors",
    inputs: [numbers([9]), numbers([9], [-1, 0]), numbers([9], [-0.5, 1])],
    run: (x, low, high) => ops.clamp(x!, low!, high!),
    reference: (x, low, high) =>
      x!.map((v, i) => Math.min(Math.max(v, low![i]!), high![i]!)),
  },
  {
    op: "sub",
    note: "of a number and a tensor",
    inputs: [numbers([3])],
    run: (x) => ops.sub(0.25, x!),
    reference: (x) => x!.map((v) => 0.25 - v),
  },
  {
    op: "mul",
    note: "of a tensor and itself",
    inputs: [numbers([4])],
    run: (x) => ops.mul(x!, x!),
    reference: (x) => x!.map((v) => v * v),
  },
  {
    op: "tanh",
    note: "far from 0",
    inputs: [numbers([8], [-1e4, 1e4])],
    run: (x) => ops.tanh(x!),
    reference: (x) => x!.map(Math.tanh),
  },
  {
    op: "sigmoid",
    note: "far from 0",
    inputs: [numbers([8], [-1e4, 1e4])],
    run: (x) => ops.sigmoid(x!),
    reference: (x) => x!.map(sigmoid),
  },
  {
    op: "fuse",
    note: "with three operands",
    inputs: [numbers([2, 3]), numbers([3]), numbers([2, 1])],
    run: (x, y, z) => weightedPower(x!, y!, z!),
    reference: (x, y, z) =>
      x!.map((v, i) => Math.tanh(v * y![i % 3]!) + z![Math.floor(i / 3)]!),
  },
  {
    op: "fuse",
    note: "with three operands of one shape",
    inputs: [numbers([2, 3]), numbers([2, 3]), numbers([2, 3])],
    run: (x, y, z) => weightedPower(x!, y!, z!),
    reference: (x, y, z) => x!.map((v, i) => Math.tanh(v * y![i]!) + z![i]!),
  },
  broadcasting([1], [1], [1]),
  broadcasting([], [2, 3], [2, 3]),
  broadcasting([0, 3], [3], [0, 3]),
  broadcasting([5, 8], [8], [5, 8]),
  broadcasting([5, 8], [5, 1], [5, 8]),
  broadcasting([5, 1], [1, 7], [5, 7]),
  broadcasting([3, 1, 4], [2, 4], [3, 2, 4]),
  broadcasting([2, 1, 3, 1], [4, 1, 8], [2, 4, 3, 8]),
  broadcasting([1100], [1100], [1100]),
  ...[1, 3, 4, 8, 0].map((width): Sample => ({
    op: "swiglu",
    note: `to [3, ${width}]`,
    inputs: [numbers([3, 2 * width])],
    run: (x) => swiglu(x!),
    reference: (x) =>
      rowsOf(x!, 2 * width).flatMap((row) =>
        row.slice(0, width).map((gate, i) =>
          gate * sigmoid(gate) * row[width + i]!
        )
      ),
  })),
];
