import { assertEquals, assertThrows } from "@std/assert";
import { copyKernel } from "../../kernels/mod.ts";
import {
  add,
  backward,
  crossEntropy,
  defineOp,
  matmul,
  minimum,
  mul,
  noGrad,
  openDevice,
  type Shape,
  ShapeError,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

/** y = x, with the gradient of -factor x (Ganin and Lempitsky, 2015). */
const reverse = defineOp<[Tensor], { readonly factor: number }>({
  name: "reverse",
  shape: ([x]): Shape => {
    if (x.length !== 1) throw new ShapeError("reverse", [x], "rank must be 1");
    return x;
  },
  forward: (out, [x]): void => {
    const buffers = { x: x.storage, out: out.storage };
    x.device.launch(copyKernel, buffers, { length: x.size });
  },
  vjp: ({ g, attributes }) => [mul(g, -attributes.factor)],
});

deviceTest(
  "defineOp() makes an op with a gradient of its own",
  async (device) => {
    const x = Tensor.from(device, [2], [1.5, 2]);
    const y = reverse([x], { factor: 3 });
    assertEquals([...await y.data()], [1.5, 2]);
    const seed = Tensor.from(device, [2], [5, 7]);
    const [dx] = backward(mul(y, x), [x], { seed });
    // d(y x) = x dy + y dx, with dy = -3 dx.
    assertEquals([...await dx!.data()], [5 * -2 * 1.5, 7 * -2 * 2]);
  },
);

deviceTest(
  "Tensor.view() gives a composition a gradient of its own",
  async (device) => {
    const x = Tensor.from(device, [2], [0.5, 2]);
    // Clipped to 1 going forward, and as if it were not going back.
    const clipped = noGrad(() => minimum(x, 1));
    const y = clipped.view(clipped.shape, { inputs: [x], vjp: ({ g }) => [g] });
    const seed = Tensor.from(device, [2], [5, 7]);
    const [dx] = backward(mul(y, 2), [x], { seed });
    assertEquals([...await y.data()], [0.5, 1]);
    assertEquals([...await dx!.data()], [10, 14]);
  },
);

deviceTest("an op checks its inputs before it allocates", async (device) => {
  const x = Tensor.from(device, [2], [1, 2]);
  const ids = Tensor.from(device, [2], Uint32Array.of(1, 2));
  const matrix = Tensor.from(device, [2, 3], [1, 2, 3, 4, 5, 6]);
  using other = await openDevice("cpu", { threads: 1 });
  using far = Tensor.from(other, [2], [1, 2]);
  const { liveBlocks } = device.memory;
  const { launches } = device.counts;
  const wrong: [() => Tensor, string, string][] = [
    [
      () => add(x, ids),
      "DTypeError",
      "Cannot apply add to f32 and u32: input 1 must be f32",
    ],
    [
      () => reverse([ids], { factor: 1 }),
      "DTypeError",
      "Cannot apply reverse to u32: input 0 must be f32",
    ],
    [
      () => reverse([matrix], { factor: 1 }),
      "ShapeError",
      "Cannot apply reverse to [2, 3]: rank must be 1",
    ],
    [() => add(matrix, x), "ShapeError", "Cannot apply add to [2, 3] and [2]"],
    [
      () => matmul(matrix, matrix),
      "ShapeError",
      "Cannot apply matmul to [2, 3] and [2, 3]",
    ],
    [() => crossEntropy(matrix, x), "DTypeError", "f32 and f32"],
    [
      () => add(x, far),
      "TypeError",
      "Cannot apply add to tensors of two devices",
    ],
  ];
  for (const [call, name, message] of wrong) {
    assertEquals(assertThrows(call, Error, message).name, name);
  }
  assertEquals(device.memory.liveBlocks, liveBlocks);
  assertEquals(device.counts.launches, launches);
});

deviceTest("an op records what it was computed from", (device) => {
  const x = Tensor.from(device, [2], [1, 2]);
  const y = add(x, x);
  assertEquals(y.node?.inputs.map((input) => input === x), [true, true]);
  assertEquals(noGrad(() => add(x, x)).node, undefined);
});
