import { BLOCK, BlockProgram } from "./block_program.ts";
import { elementwiseSimd } from "./elementwise_simd.ts";
import { type Expr, inputsOf, partsOf } from "./expression.ts";
import { expressionSource } from "./expression_wgsl.ts";
import {
  defineKernel,
  type Kernel,
  type NumberArray,
  type WgslForm,
} from "./kernel.ts";
import {
  type Access,
  axisNames,
  collapse,
  coordinatesSource,
  forEachRun,
  offsetSource,
  stridesOf,
} from "./strides.ts";

/** Most axes of different stride patterns; more would be rare. */
const MAX_AXES = 4;

/** Most buffers that one kernel reads and writes: WebGPU's default limit. */
export const MAX_BUFFERS = 8;

/** One elementwise computation on operands that broadcast. */
export interface Elementwise {
  /** Name in errors and profiles. */
  readonly name: string;
  /** What to compute; input i is operand i. */
  readonly outputs: readonly Expr[];
  /** Sizes of the axes of every output, outermost first. */
  readonly shape: readonly number[];
  /**
   * For each operand either its strides along `shape`, 0 where it broadcasts,
   * or the number that stands for it.
   */
  readonly operands: readonly (readonly number[] | number)[];
}

/** A kernel and the sizes to launch it with. */
export interface ElementwiseLaunch {
  /** Reads `in0`, `in1`, ... as far as used; writes `out0`, `out1`, ... */
  readonly kernel: Kernel;
  /** Sizes, strides and numbers. */
  readonly sizes: Readonly<Record<string, number>>;
}

const kernels = new Map<string, Kernel>();

/**
 * Kernel for a computation. Kernels are shared between all computations of
 * the same structure: expressions, number of axes, kind of access.
 *
 * Throws a `RangeError` when the operands need more than 4 axes after axes
 * that all walk through in one go were joined, or more than 8 buffers.
 */
export function elementwise(
  { name, outputs, shape, operands }: Elementwise,
): ElementwiseLaunch {
  const used = inputsOf(outputs);
  const tensors = used.filter((i) => typeof operands[i] !== "number");
  if (tensors.length + outputs.length > MAX_BUFFERS) {
    throw new RangeError(
      `Cannot compute ${name} in one kernel: expected at most ${MAX_BUFFERS} buffers, got ${
        tensors.length + outputs.length
      }`,
    );
  }
  const contiguous = stridesOf(shape);
  const view = collapse({
    dims: shape,
    strides: [
      contiguous,
      ...tensors.map((i) => operands[i] as readonly number[]),
    ],
  });
  const axes = Math.max(view.dims.length, 1);
  if (axes > MAX_AXES) {
    throw new RangeError(
      `Cannot compute ${name} over [${
        shape.join(", ")
      }]: expected operands that broadcast along at most ${MAX_AXES} groups of axes, got ${axes}; expand one with broadcastTo first`,
    );
  }
  const [whole, ...strides] = view.strides as [number[], ...number[][]];
  const accesses = new Map<number, Access>();
  for (const i of used) accesses.set(i, "number");
  tensors.forEach((i, k) => accesses.set(i, accessOf(strides[k]!, whole)));

  const sizes: Record<string, number> = { length: 1 };
  for (const size of view.dims) sizes["length"]! *= size;
  for (let axis = 0; axis < axes; axis++) {
    sizes[`d${axis}`] = view.dims[axis] ?? 1;
    tensors.forEach((i, k) => sizes[`s${i}_${axis}`] = strides[k]![axis] ?? 0);
  }
  for (const i of used) {
    const operand = operands[i];
    if (typeof operand === "number") sizes[`x${i}`] = operand;
  }

  const key = `${name} ${outputs.map(({ id }) => id)} ${
    [...accesses].join(" ")
  } ${axes}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = build(key, outputs, accesses, axes);
    kernels.set(key, kernel);
  }
  return { kernel, sizes };
}

function accessOf(
  strides: readonly number[],
  whole: readonly number[],
): Access {
  if (strides.every((step, axis) => step === whole[axis])) return "full";
  if (strides.every((step) => step === 0)) return "scalar";
  const inner = strides.at(-1);
  return inner === 1 ? "row" : inner === 0 ? "column" : "strided";
}

function isStrided(access: Access): boolean {
  return access === "row" || access === "column" || access === "strided";
}

function build(
  name: string,
  outputs: readonly Expr[],
  accesses: ReadonlyMap<number, Access>,
  axes: number,
): Kernel {
  const inputs = [...accesses].filter(([, access]) => access !== "number");
  const numbers = [...accesses].filter(([, access]) => access === "number")
    .map(([i]) => `x${i}`);
  const strided = inputs.filter(([, access]) => isStrided(access));
  const flops = partsOf(outputs).filter(({ args }) => args.length > 0).length;
  const full = inputs.filter(([, access]) => access === "full").length;
  const streams = full + outputs.length;
  const simd = elementwiseSimd(outputs, accesses, axes);
  let program: BlockProgram | undefined;
  return defineKernel<string, string>({
    name,
    reads: Object.fromEntries(inputs.map(([i]) => [`in${i}`, "f32"])),
    writes: Object.fromEntries(outputs.map((_, o) => [`out${o}`, "f32"])),
    sizes: [
      "length",
      ...strided.length > 0 ? axisNames("d", axes) : [],
      ...strided.flatMap(([i]) => axisNames(`s${i}_`, axes)),
      ...numbers,
    ],
    fractions: numbers,
    wgsl: [
      vectorForm(outputs, accesses, axes),
      {
        items: ({ length }) => length!,
        body: bodySource(outputs, accesses, axes, 1),
      },
    ],
    define: (buffers, sizes) => {
      const loops = program ??= new BlockProgram(outputs);
      const loads = [...accesses].map(([i, access]) => {
        const from = buffers[`in${i}`];
        return loader(loops.inputs.get(i)!, i, access, axes, from, sizes);
      });
      const outs = outputs.map((_, o) => buffers[`out${o}`]!);
      const length = sizes["length"]!;
      for (let start = 0; start < length; start += BLOCK) {
        const count = Math.min(BLOCK, length - start);
        for (const load of loads) load(start, count);
        loops.run(count);
        outs.forEach((out, o) => store(out, start, loops.outputs[o]!, count));
      }
    },
    ...(simd ? { simd } : {}),
    cost: ({ length }) => ({
      bytes: 4 * streams * length!,
      flops: flops * length!,
    }),
  });
}

/** Four neighbours at a time, along the innermost axis. */
function vectorForm(
  outputs: readonly Expr[],
  accesses: ReadonlyMap<number, Access>,
  axes: number,
): WgslForm<string> {
  const rows = [...accesses].filter(([, access]) => access === "row");
  const outerSteps = rows.flatMap(([i]) => axisNames(`s${i}_`, axes - 1));
  const strided = [...accesses.values()].some(isStrided);
  const inner = strided ? `d${axes - 1}` : "length";
  return {
    items: ({ length }) => length! / 4,
    vectors: [
      ...[...accesses].filter(([, access]) =>
        access === "full" || access === "row"
      ).map(([i]) => `in${i}`),
      ...outputs.map((_, o) => `out${o}`),
    ],
    body: bodySource(outputs, accesses, axes, 4),
    fits: (_, sizes) =>
      [inner, ...outerSteps].every((name) => sizes[name]! % 4 === 0),
  };
}

function bodySource(
  outputs: readonly Expr[],
  accesses: ReadonlyMap<number, Access>,
  axes: number,
  width: 1 | 4,
): string {
  const type = width === 4 ? "vec4f" : "f32";
  const strided = [...accesses].filter(([, access]) => isStrided(access));
  const places = strided.length === 0 ? [] : [
    coordinatesSource(axes, width),
    ...strided.map(([i]) => `let at${i} = ${offsetSource(axes, `s${i}_`)};`),
  ];
  const read = (i: number): string => {
    const access = accesses.get(i)!;
    if (access === "full") return `in${i}[id]`;
    if (access === "scalar") return `${type}(in${i}[0])`;
    if (access === "number") return `${type}(sizes.x${i})`;
    if (width === 1) return `in${i}[at${i}]`;
    if (access === "row") return `in${i}[at${i} / 4u]`;
    if (access === "column") return `vec4f(in${i}[at${i}])`;
    const four = [0, 1, 2, 3].map((lane) =>
      `in${i}[at${i} + ${lane}u * sizes.s${i}_${axes - 1}]`
    );
    return `vec4f(${four.join(", ")})`;
  };
  const { statements, values } = expressionSource(outputs, type, read);
  return [
    ...places,
    statements,
    ...values.map((value, o) => `out${o}[id] = ${value};`),
  ].join("\n  ");
}

/** Fills an input's block with elements from `start` on. */
type Load = (start: number, count: number) => void;

function loader(
  block: Float64Array,
  index: number,
  access: Access,
  axes: number,
  from: NumberArray | undefined,
  sizes: Readonly<Record<string, number>>,
): Load {
  if (access === "number" || access === "scalar" || !from) {
    block.fill(from ? from[0]! : sizes[`x${index}`]!);
    return () => {};
  }
  const read = (prefix: string): number[] =>
    axisNames(prefix, axes).map((name) => sizes[name]!);
  const [dims, steps] = access === "full"
    ? [[sizes["length"]!], [1]]
    : [read("d"), read(`s${index}_`)];
  const step = steps.at(-1)!;
  return (start, count) =>
    forEachRun(
      dims,
      steps,
      start,
      count,
      (done, offset, length) => load(block, done, from, offset, step, length),
    );
}

function load(
  to: Float64Array,
  start: number,
  from: NumberArray,
  offset: number,
  step: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) to[start + i] = from[offset + i * step]!;
}

function store(
  to: NumberArray,
  start: number,
  block: Float64Array,
  count: number,
): void {
  for (let i = 0; i < count; i++) to[start + i] = block[i]!;
}
