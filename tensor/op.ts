import { checkOperands } from "./operands.ts";
import { isRecording } from "./recording.ts";
import {
  type DType,
  type GradientRequest,
  type Shape,
  Tensor,
} from "./tensor.ts";

/** Inputs of an operation; optional ones may be `undefined`. */
export type Inputs = readonly [Tensor, ...(Tensor | undefined)[]];

/** Shape of each input, in order. */
export type Shapes<I extends Inputs> = {
  readonly [K in keyof I]: I[K] extends Tensor ? Shape : Shape | undefined;
};

/** What a vector-Jacobian product can see. */
export interface Vjp<I extends Inputs, Attributes, Saved>
  extends GradientRequest {
  /** Result of the operation. */
  readonly out: Tensor;
  /** Inputs of the operation. */
  readonly inputs: I;
  /** Attributes of the call. */
  readonly attributes: Attributes;
  /** What `forward` returned. */
  readonly saved: Saved;
}

/** All that there is to say about one operation. */
export interface OpDefinition<I extends Inputs, Attributes, Saved> {
  /** Name used in errors and traces. */
  readonly name: string;
  /** Element types of the inputs; f32 where absent. */
  readonly dtypes?: readonly DType[];
  /** Tensors among the attributes; no gradient flows to them. */
  readonly beside?: (attributes: Attributes) => readonly (Tensor | undefined)[];
  /** Element type of the result; default f32. */
  readonly result?: DType;
  /** Shape of the result. Throws a `ShapeError`; needs no device. */
  readonly shape: (shapes: Shapes<I>, attributes: Attributes) => Shape;
  /** Launches what fills `out`; returns tensors that `vjp` needs. */
  readonly forward: (out: Tensor, inputs: I, attributes: Attributes) => Saved;
  /**
   * Vector-Jacobian product: gradients of the inputs, in order, for those that
   * are wanted. Absent for operations without a gradient.
   */
  readonly vjp?: (
    context: Vjp<I, Attributes, Saved>,
  ) => readonly (Tensor | undefined)[];
}

/** An operation on tensors. */
export type Op<I extends Inputs, Attributes> = (
  inputs: I,
  attributes: Attributes,
) => Tensor;

/**
 * Turns a definition into a function on tensors that records its gradient.
 *
 * Everything is checked before anything is allocated or launched: the shapes
 * by `shape`, and that all inputs have the right element type and one device, as
 * do tensors among the attributes.
 */
export function defineOp<
  I extends Inputs,
  Attributes = undefined,
  Saved = void,
>(
  definition: OpDefinition<I, Attributes, Saved>,
): Op<I, Attributes> {
  const { name, dtypes = [], result = "f32", forward, vjp, beside } =
    definition;
  return (inputs, attributes) => {
    checkOperands(name, inputs, { dtypes, beside: beside?.(attributes) ?? [] });
    const shapes = inputs.map((input) => input?.shape) as unknown as Shapes<I>;
    const shape = definition.shape(shapes, attributes);
    const { device } = inputs[0];
    if (!vjp || !isRecording()) {
      const out = Tensor.empty(device, shape, result);
      forward(out, inputs, attributes);
      return out;
    }
    const out: Tensor = Tensor.empty(device, shape, result, {
      inputs,
      vjp: (request) => vjp({ ...request, out, inputs, attributes, saved }),
    });
    const saved = forward(out, inputs, attributes);
    return out;
  };
}
