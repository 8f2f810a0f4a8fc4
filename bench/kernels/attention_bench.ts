import {
  add,
  backward,
  causal,
  type Device,
  Intervals,
  matmul,
  mul,
  selfAttention,
  softmax,
  Tensor,
} from "../../tensor/mod.ts";
import { benchOperation, numbers } from "../support.ts";

const [heads, headWidth] = [8, 64];

for (const [length, window] of [[512, 512], [2048, 128]] as const) {
  /** The same by matrix products, with all scores in memory. */
  const composed = (device: Device): [() => Tensor, Tensor[]] => {
    const shape = [heads, length, headWidth];
    const [q, k, v] = Array.from(
      { length: 3 },
      () => Tensor.from(device, shape, numbers(heads * length * headWidth)),
    ) as [Tensor, Tensor, Tensor];
    const unseen = Float32Array.from({ length: length ** 2 }, (_, i) => {
      const back = Math.floor(i / length) - i % length;
      return back >= 0 && back < window ? 0 : -1e9;
    });
    const mask = Tensor.from(device, [length, length], unseen);
    const forward = (): Tensor => {
      const scores = matmul(q, k, { transposeB: true });
      const scaled = mul(scores, headWidth ** -0.5);
      return matmul(softmax(add(scaled, mask)), v);
    };
    return [forward, [q, k, v]];
  };
  const ours = (device: Device): [() => Tensor, Tensor[]] => {
    const shape = [length, 3 * heads * headWidth];
    const data = numbers(3 * heads * length * headWidth);
    const qkv = Tensor.from(device, shape, data);
    const ends = causal([length], window);
    const intervals = Intervals.from(device, ends, length);
    return [() => selfAttention(qkv, intervals, { heads }), [qkv]];
  };

  const forward = (make: typeof ours) => (device: Device): () => void =>
    make(device)[0];
  const gradient = (make: typeof ours) => (device: Device): () => void => {
    const [forward, inputs] = make(device);
    const shape = forward().shape;
    const seed = Tensor.from(
      device,
      shape,
      numbers(heads * length * headWidth),
    );
    return () => backward(forward(), inputs, { seed });
  };
  const seen = causal([length], window);
  const pairs = seen.hi.reduce((sum, end, i) => sum + end - seen.lo[i]!, 0);
  const gigaflops = (products: number): string =>
    (2 * products * pairs * heads * headWidth / 1e9).toPrecision(3);
  const what = `attention, ${length} positions, window ${window}`;
  benchOperation({
    group: `${what}, forward (${gigaflops(2)} GFLOP)`,
    variants: {
      "matrix products": forward(composed),
      "selfAttention": forward(ours),
    },
  });
  benchOperation({
    group: `${what}, forward and backward (${gigaflops(7)} GFLOP)`,
    variants: {
      "matrix products": gradient(composed),
      "selfAttention": gradient(ours),
    },
  });
}
