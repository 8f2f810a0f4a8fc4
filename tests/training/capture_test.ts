import { assertEquals, assertNotEquals } from "@std/assert";
import { Linear, placeWeights, SGD } from "../../nn/mod.ts";
import {
  crossEntropy,
  type Device,
  Rng,
  Scope,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

const [ROWS, WIDTH, CLASSES] = [24, 20, 12];

/** Losses and weights of six steps, recorded anew or replayed. */
async function train(
  device: Device,
  replays: boolean,
): Promise<{ losses: number[]; weights: Map<string, Float32Array> }> {
  using _scope = new Scope();
  const rng = new Rng(4);
  const model = {
    hidden: new Linear(WIDTH, 36, { rng, bias: true }),
    out: new Linear(36, CLASSES, { rng }),
  };
  const weights = placeWeights(model, device);
  using optimizer = new SGD(weights, { momentum: 0.9, clip: 1 });
  const x = Tensor.from(device, [ROWS, WIDTH], new Float32Array(ROWS * WIDTH));
  const targets = Tensor.from(device, [ROWS], new Uint32Array(ROWS));
  let loss = x;
  const step = (): void => {
    using scope = new Scope();
    const hidden = model.hidden.forward(x, { activation: (x) => x.tanh() });
    const found = crossEntropy(model.out.forward(hidden), targets);
    weights.backward(found);
    optimizer.step(0.1);
    loss = scope.keep(found);
  };
  const losses: number[] = [];
  let capture: ReturnType<Device["capture"]> | undefined;
  for (let i = 0; i < 6; i++) {
    x.write(Float32Array.from({ length: ROWS * WIDTH }, () => rng.uniform()));
    targets.write(Uint32Array.from({ length: ROWS }, (_, r) => (r + i) % 12));
    // The optimizer makes its averages in the first step.
    if (!replays || i === 0) step();
    else if (capture) capture.replay();
    else capture = device.capture(step);
    losses.push(...await loss.data());
  }
  capture?.[Symbol.dispose]();
  return { losses, weights: await weights.arena.read("values") };
}

deviceTest(
  "a training step replayed equals one recorded, bit for bit",
  async (device) => {
    const [recorded, replayed] = [
      await train(device, false),
      await train(device, true),
    ];
    assertEquals(replayed, recorded);
    assertNotEquals(recorded.losses[0], recorded.losses[5]);
  },
);
