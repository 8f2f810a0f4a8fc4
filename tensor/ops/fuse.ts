import {
  differentiate,
  elementwise,
  type Expr,
  input,
  inputsOf,
  MAX_BUFFERS,
} from "../../kernels/mod.ts";
import { defineOp, type Inputs } from "../op.ts";
import { broadcastShapes, broadcastStrides, sameShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { sumTo } from "./broadcast.ts";

/** Operand of an elementwise operation; a number stands for every element. */
export type Operand = Tensor | number;

/** An elementwise operation; operands broadcast by NumPy's rule. */
export type FusedOp = (...operands: readonly Operand[]) => Tensor;

/**
 * Makes an elementwise operation of an expression: one kernel for the value,
 * one for the gradients of all inputs that want one.
 *
 * Numbers among the operands are given to the kernel at launch, so changing
 * them compiles nothing; numbers inside the expression are part of the kernel.
 * The operation throws a `ShapeError` when its operands do not broadcast, and
 * a `TypeError` for the wrong count of them or no tensor among them.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fuse, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * const lerp = fuse("lerp", (x, y, t) => x.add(y.sub(x).mul(t)));
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2], [0, 4]);
 * const y = Tensor.from(device, [1], [8]);
 * assertEquals([...await lerp(x, y, 0.5).data()], [4, 6]);
 * ```
 */
export function fuse(
  name: string,
  build: (...inputs: Expr[]) => Expr,
): FusedOp {
  const arity = build.length;
  const output = build(...Array.from({ length: arity }, (_, i) => input(i)));
  const gradients = Array.from(
    { length: arity },
    (_, i) => differentiate(output, i, input(arity)),
  );

  const op = defineOp<Inputs, readonly Operand[]>({
    name,
    shape: (shapes) =>
      broadcastShapes(name, shapes.filter((shape) => shape !== undefined)),
    forward: (out, _, operands) => launch(name, [output], [out], operands),
    vjp: ({ g, wants, inputs, attributes: operands }) => {
      const places = operands.flatMap((operand, i) =>
        typeof operand === "number" ? [] : [i]
      );
      const wanted = inputs.map((_, k) =>
        wants(k) ? gradients[places[k]!] : undefined
      );
      return gradientTensors(name, wanted, [...operands, g])
        .map((dx, k) => dx && reduced(dx, inputs[k]!, g));
    },
  });
  return (...operands) => {
    const tensors = operands.filter((operand) => operand instanceof Tensor);
    if (operands.length !== arity || tensors.length === 0) {
      throw new TypeError(
        `Cannot apply ${name}: expected ${arity} operands with a tensor among them, got ${operands.length} with ${tensors.length}`,
      );
    }
    return op(tensors as unknown as Inputs, operands);
  };
}

/** Computes each of `outputs` into one of `outs`, all of the same shape. */
function launch(
  name: string,
  outputs: readonly Expr[],
  outs: readonly Tensor[],
  operands: readonly Operand[],
): void {
  const { device, shape } = outs[0]!;
  const { kernel, sizes } = elementwise({
    name,
    outputs,
    shape,
    operands: operands.map((operand) =>
      typeof operand === "number"
        ? operand
        : broadcastStrides(operand.shape, shape)
    ),
  });
  const buffers = Object.fromEntries([
    ...inputsOf(outputs).flatMap((i) => {
      const operand = operands[i]!;
      return typeof operand === "number"
        ? []
        : [[`in${i}`, operand.storage] as const];
    }),
    ...outs.map((out, o) => [`out${o}`, out.storage] as const),
  ]);
  device.launch(kernel, buffers, sizes);
}

/**
 * Values of `wanted`, shaped like the last operand, which is the incoming
 * gradient; in as few kernels as the limit on buffers allows.
 */
function gradientTensors(
  name: string,
  wanted: readonly (Expr | undefined)[],
  operands: readonly Operand[],
): (Tensor | undefined)[] {
  const g = operands.at(-1) as Tensor;
  const results = wanted.map((expr) => {
    if (!expr || expr.op === "constant") return undefined;
    const same = expr.op === "input" && expr.value === operands.length - 1;
    return same ? g : Tensor.empty(g.device, g.shape);
  });
  let group: number[] = [];
  const flush = (): void => {
    const outputs = group.map((k) => wanted[k]!);
    const outs = group.map((k) => results[k]!);
    if (group.length > 0) launch(`${name}_grad`, outputs, outs, operands);
    group = [];
  };
  for (const [k, result] of results.entries()) {
    if (!result || result === g) continue;
    const together = [...group, k];
    const inputs = inputsOf(together.map((i) => wanted[i]!));
    if (inputs.length + together.length > MAX_BUFFERS) flush();
    group.push(k);
  }
  flush();
  return results;
}

/** A gradient shaped like the result, summed to the shape of its operand. */
function reduced(dx: Tensor, x: Tensor, g: Tensor): Tensor {
  if (sameShape(dx.shape, x.shape)) return dx;
  const sum = sumTo(dx, x.shape);
  if (dx !== g) dx.dispose();
  return sum;
}
