import { checkNumber, dropoutKernel } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";

/** Options of {@linkcode dropout}. */
export interface DropoutOptions {
  /** Share of elements that become 0: in [0, 1). */
  readonly rate: number;
  /** Random key (u32), such as seed and step, that may change on the device: [2]. */
  readonly key: Tensor;
  /** Tells the calls under one key apart: an integer below 2^32. */
  readonly stream: number;
}

interface Attributes {
  readonly rate: number;
  readonly stream: number;
}

/** The same call masks `x` and, on the way back, its gradient. */
function mask(
  x: Tensor,
  key: Tensor,
  out: Tensor,
  { rate, stream }: Attributes,
): void {
  const buffers = { x: x.storage, key: key.storage, out: out.storage };
  x.device.launch(dropoutKernel, buffers, {
    length: x.size,
    stream,
    threshold: Math.floor(rate * 2 ** 32),
    scale: 1 / (1 - rate),
  });
}

const apply = defineOp<readonly [x: Tensor, key: Tensor], Attributes>({
  name: "dropout",
  dtypes: ["f32", "u32"],
  shape: ([x, key]) => {
    if (String(key) !== "2") {
      throw new ShapeError("dropout", [x, key], "expected a key of shape [2]");
    }
    return x;
  },
  forward: (out, [x, key], attributes) => mask(x, key, out, attributes),
  vjp: ({ g, inputs: [, key], attributes }) => {
    const dx = Tensor.empty(g.device, g.shape);
    mask(g, key, dx, attributes);
    return [dx];
  },
});

/**
 * Sets random elements to 0 and scales the others by 1 / (1 - rate) (Srivastava
 * et al., 2014, "Dropout"). x: [...] -> [...]
 *
 * Equal keys and streams give equal masks on every device; the key must stay
 * unchanged until the gradient was computed. Throws a `RangeError` unless
 * 0 <= rate < 1 and the stream is an integer below 2^32.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { dropout, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const key = Tensor.from(device, [2], Uint32Array.of(7, 1));
 * const x = Tensor.from(device, [4], [1, 1, 1, 1]);
 * const y = dropout(x, { rate: 0.5, key, stream: 0 });
 * assertEquals((await y.data()).every((v) => v === 0 || v === 2), true);
 * ```
 */
export function dropout(
  x: Tensor,
  { rate, key, stream }: DropoutOptions,
): Tensor {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(
      `Cannot apply dropout: expected a rate in [0, 1), got ${rate}`,
    );
  }
  const word = { whole: true, least: 0, below: 2 ** 32 };
  checkNumber("apply dropout with stream", stream, word);
  return rate === 0 ? x : apply([x, key], { rate, stream });
}
