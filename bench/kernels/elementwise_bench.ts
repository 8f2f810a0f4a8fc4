import {
  add,
  type Device,
  fuse,
  mul,
  relu,
  sub,
  Tensor,
} from "../../tensor/mod.ts";
import { benchOperation, numbers } from "../support.ts";

const length = 1 << 20;
const fused = fuse(
  "chain",
  (x, y) => x.mul(1.5).add(y).mul(x).sub(0.25).max(0),
);

function inputs(device: Device): [Tensor, Tensor] {
  return [
    Tensor.from(device, [length], numbers(length)),
    Tensor.from(device, [length], numbers(length)),
  ];
}

benchOperation({
  group: `relu((1.5 x + y) x - 0.25) of ${length} numbers (${
    12 * length / 1e6
  } MB)`,
  variants: {
    "five operations": (device) => {
      const [x, y] = inputs(device);
      return () => relu(sub(mul(add(mul(x, 1.5), y), x), 0.25));
    },
    "fuse": (device) => {
      const [x, y] = inputs(device);
      return () => fused(x, y);
    },
  },
});
