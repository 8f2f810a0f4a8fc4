/** Writes small ONNX models: just enough of protocol buffers. @module */

const FLOAT = 1;
const INT32 = 6;

/** A number, a fraction or a list of numbers. */
export type Attribute =
  | number
  | { readonly fraction: number }
  | readonly number[];

/** One operation of a graph. */
export interface OnnxNode {
  /** Name of the operation. */
  readonly op: string;
  /** Names of its inputs. */
  readonly inputs: readonly string[];
  /** Name of its result. */
  readonly output: string;
  /** Its attributes by name. */
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A tensor of a graph. */
export interface OnnxValue {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Its elements: indices when they are integers. */
  readonly data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** Graph of operations; the last one gives the result. */
export interface OnnxGraph {
  /** In order of execution. */
  readonly nodes: readonly OnnxNode[];
  /** Given at each run, by name. */
  readonly inputs: Readonly<Record<string, OnnxValue>>;
  /** Parts of the model, by name. */
  readonly constants?: Readonly<Record<string, OnnxValue>>;
  /** Sizes of the result. */
  readonly shape: readonly number[];
}

/** The graph as a file. */
export function onnxModel(
  { nodes, inputs, constants = {}, shape }: OnnxGraph,
): Uint8Array {
  const graph = concatenated([
    ...nodes.map((node, i) => nested(1, nodeBytes(node, i))),
    text(2, "graph"),
    ...Object.entries(constants).map(([name, { shape, data }]) =>
      nested(
        5,
        concatenated([
          ...shape.map((length) => integer(1, length)),
          integer(2, typeOf(data)),
          text(8, name),
          nested(9, new Uint8Array(data.buffer)),
        ]),
      )
    ),
    ...Object.entries(inputs).map(([name, { shape, data }]) =>
      nested(11, valueBytes(name, shape, typeOf(data)))
    ),
    nested(12, valueBytes(nodes.at(-1)!.output, shape, FLOAT)),
  ]);
  const operators = concatenated([text(1, ""), integer(2, 17)]);
  return concatenated([integer(1, 8), nested(8, operators), nested(7, graph)]);
}

function typeOf(data: Float32Array | Int32Array): number {
  return data instanceof Float32Array ? FLOAT : INT32;
}

function nodeBytes(
  { op, inputs, output, attributes = {} }: OnnxNode,
  index: number,
): Uint8Array {
  return concatenated([
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, `${op}${index}`),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      nested(5, attributeBytes(name, value))
    ),
  ]);
}

function attributeBytes(name: string, value: Attribute): Uint8Array {
  if (typeof value === "number") {
    return concatenated([text(1, name), integer(3, value), integer(20, 2)]);
  }
  if ("fraction" in value) {
    const bits = new Uint8Array(Float32Array.of(value.fraction).buffer);
    const field = concatenated([varint(2 << 3 | 5), bits]);
    return concatenated([text(1, name), field, integer(20, 1)]);
  }
  const values = value.map((each) => integer(8, each));
  return concatenated([text(1, name), ...values, integer(20, 7)]);
}

function valueBytes(
  name: string,
  shape: readonly number[],
  type: number,
): Uint8Array {
  const axes = shape.map((length) => nested(1, integer(1, length)));
  const tensor = concatenated([
    integer(1, type),
    nested(2, concatenated(axes)),
  ]);
  return concatenated([text(1, name), nested(2, nested(1, tensor))]);
}

function integer(field: number, value: number): Uint8Array {
  return concatenated([varint(field << 3), varint(value)]);
}

function text(field: number, value: string): Uint8Array {
  return nested(field, new TextEncoder().encode(value));
}

function nested(field: number, bytes: Uint8Array): Uint8Array {
  return concatenated([varint(field << 3 | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
