import { assertEquals, assertLess } from "@std/assert";
import {
  backward,
  checkpoint,
  type Device,
  matmul,
  mean,
  noGrad,
  Rng,
  Scope,
  tanh,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const SIZE = 32;
const LAYERS = 6;

/** Gradients of a stack of layers, bits and most bytes held on the way. */
async function train(
  device: Device,
  layer: (run: () => Tensor) => Tensor,
): Promise<{ bits: number[][]; peak: number }> {
  using _scope = new Scope();
  const draw = (): Tensor => {
    const data = new Float32Array(SIZE * SIZE);
    rng.fillNormal(data, 0.3);
    return Tensor.from(device, [SIZE, SIZE], data);
  };
  const rng = new Rng(2);
  const x = draw();
  const weights = Array.from({ length: LAYERS }, draw);
  device.trim();
  const { liveBytes } = device.memory;
  let y = x;
  for (const weight of weights) {
    const input = y;
    y = layer(() => {
      let inner = input;
      for (let i = 0; i < 4; i++) inner = tanh(matmul(inner, weight));
      return inner;
    });
  }
  const gradients = backward(mean(y), [x, ...weights]);
  const peak = device.memory.peakBytes - liveBytes;
  const bytes = await device.read(gradients.map((it) => it!.storage));
  return { bits: bytes.map((it) => [...new Uint32Array(it)]), peak };
}

deviceTest(
  "checkpoint() has the same gradients in less memory",
  async (device) => {
    const plain = await train(device, (run) => run());
    const spared = await train(device, checkpoint);
    assertEquals(spared.bits, plain.bits);
    assertLess(spared.peak, 0.6 * plain.peak);
  },
);

deviceTest(
  "checkpoint() nests, and reaches only what is asked for",
  async (device) => {
    const plain = await train(device, (run) => run());
    const nested = await train(
      device,
      (run) => checkpoint(() => checkpoint(run)),
    );
    assertEquals(nested.bits, plain.bits);
  },
);

deviceTest("checkpoint() is nothing where nothing is recorded", (device) => {
  const x = Tensor.from(device, [1, 1], [1]);
  const { launches } = device.counts;
  assertEquals(noGrad(() => checkpoint(() => tanh(x))).node, undefined);
  assertEquals(device.counts.launches, launches + 1);
});

deviceTest("checkpoint() frees what a failed run left", (device) => {
  const x = Tensor.from(device, [1, 1], [1]);
  const { liveBlocks } = device.memory;
  let message = "";
  try {
    checkpoint(() => {
      tanh(x);
      throw new SyntaxError("planted");
    });
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "planted");
  assertEquals(device.memory.liveBlocks, liveBlocks);
});
