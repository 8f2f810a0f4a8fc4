import { assertEquals } from "@std/assert";
import {
  adamwNumbers,
  adamwUpdate,
  Arena,
  type ArenaEntry,
  type Device,
  GradNorm,
  sgdUpdate,
  Tensor,
} from "../../tensor/mod.ts";
import { golden, type GoldenTensor } from "../golden/golden.ts";
import { assertClose, type Tolerance } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

/** Ten steps in f32, and golden values of 9 digits. */
const STEPS: Tolerance = { absolute: 1e-6, relative: 1e-5 };

function arenaOf(
  device: Device,
  parameters: readonly GoldenTensor[],
  settings: Partial<ArenaEntry> = {},
): Arena {
  return new Arena(
    device,
    new Map(parameters.map(({ shape, data }, i) => [
      `p${i}`,
      { shape, initial: Float32Array.from(data), decay: true, ...settings },
    ])),
  );
}

function setGradients(arena: Arena, ...all: (readonly number[])[]): void {
  const named = all.map((g, i) => [`p${i}`, Float32Array.from(g)] as const);
  arena.write("gradients", new Map(named));
}

/** Values after each row of gradients, one after the other. */
async function trajectory(
  arena: Arena,
  { shape: [steps = 0, size = 0], data }: GoldenTensor,
  update: (step: number, scale: Tensor) => void,
): Promise<number[]> {
  const found: number[] = [];
  using scale = Tensor.from(arena.device, [], [1]);
  for (let step = 0; step < steps; step++) {
    setGradients(arena, data.slice(step * size, (step + 1) * size));
    update(step + 1, scale);
    found.push(...(await arena.read("values")).get("p0")!);
  }
  return found;
}

deviceTest("adamwUpdate() takes the steps of PyTorch", async (device) => {
  const { inputs: [x, g], output, params } = golden("adamw");
  const { lr = NaN, beta1 = NaN, beta2 = NaN, eps = NaN, weightDecay = NaN } =
    params;
  const arena = arenaOf(device, [x!]);
  const found = await trajectory(arena, g!, (step, scale) => {
    const numbers = adamwNumbers({
      lr,
      betas: [beta1, beta2],
      eps,
      weightDecay,
      step,
    });
    using settings = Tensor.from(device, [7], numbers);
    adamwUpdate(arena, settings, scale);
  });
  assertClose(found, output.data, STEPS);
});

deviceTest("sgdUpdate() takes the steps of PyTorch", async (device) => {
  const { inputs: [x, g], output, params } = golden("sgd");
  const { lr = NaN, momentum = NaN, weightDecay = NaN } = params;
  const arena = arenaOf(device, [x!]);
  const settings = Tensor.from(device, [3], [lr, momentum, weightDecay]);
  const found = await trajectory(arena, g!, (_, scale) => {
    sgdUpdate(arena, settings, scale);
  });
  assertClose(found, output.data, STEPS);
});

for (const update of [sgdUpdate, adamwUpdate]) {
  deviceTest(`${update.name}() heeds decay and lrScale`, async (device) => {
    const decaying = { shape: [1], initial: Float32Array.of(2), decay: true };
    const arena = new Arena(
      device,
      new Map<string, ArenaEntry>([
        ["decaying", decaying],
        ["kept", { ...decaying, decay: false }],
        ["slow", { ...decaying, lrScale: 0.5 }],
      ]),
    );
    const numbers = update === sgdUpdate
      ? [0.1, 0, 0.5]
      : [0.1, 0.1, 0.1, 1e-8, 0.5, 0.1, 0.1];
    const settings = Tensor.from(device, [numbers.length], numbers);
    update(arena, settings, Tensor.from(device, [], [1]));
    // The gradients are 0, so 2 shrinks by lr · decay = 0.05, or not at all.
    const found = [...(await arena.read("values")).values()].map(([x]) => x!);
    assertClose(found, [1.9, 2, 1.95], STEPS);
  });

  deviceTest(
    `${update.name}() does nothing for a scale of 0`,
    async (device) => {
      const arena = arenaOf(device, [{ shape: [2], data: [1, 2] }]);
      setGradients(arena, [NaN, Infinity]);
      const settings = Tensor.from(device, [7], [1, 1, 1, 1, 1, 1, 1]);
      update(arena, settings, Tensor.from(device, [], [0]));
      assertEquals([...(await arena.read("values")).get("p0")!], [1, 2]);
      assertEquals([...(await arena.read("m")).get("p0")!], [0, 0]);
    },
  );
}

for (const name of ["clipGradNorm", "clipGradNormIdle"]) {
  deviceTest(`GradNorm scales like PyTorch, ${name}`, async (device) => {
    const { inputs, output, params: { maxNorm = NaN, norm = NaN } } = golden(
      name,
    );
    const arena = arenaOf(device, inputs);
    setGradients(arena, ...inputs.map(({ data }) => data));
    const measured = new GradNorm(device, maxNorm);
    measured.measure(arena);
    assertClose(await measured.norm.data(), [norm], STEPS);
    const [scale = NaN] = await measured.scale.data();
    const scaled = inputs.flatMap(({ data }) => data.map((g) => g * scale));
    assertClose(scaled, output.data, STEPS);
    assertEquals([...await measured.skipped.data()], [0]);
  });
}

deviceTest(
  "GradNorm counts steps with gradients that are not finite",
  async (device) => {
    const arena = arenaOf(device, [{ shape: [2], data: [1, 2] }]);
    const measured = new GradNorm(device, 1);
    for (const bad of [NaN, Infinity, -Infinity]) {
      setGradients(arena, [0, bad]);
      measured.measure(arena);
      assertEquals([...await measured.scale.data()], [0]);
    }
    assertEquals([...await measured.skipped.data()], [3]);
    setGradients(arena, [0, 1e30]);
    measured.measure(arena);
    assertClose(await measured.norm.data(), [1e30], STEPS);
    assertClose(await measured.scale.data(), [1e-30], STEPS);
    setGradients(arena, [0, 0]);
    measured.measure(arena);
    assertEquals([...await measured.scale.data()], [1]);
    assertEquals([...await measured.skipped.data()], [3]);
  },
);

deviceTest("GradNorm adds up many numbers", async (device) => {
  const size = 300_000;
  const arena = arenaOf(device, [
    { shape: [size], data: Array(size).fill(0) },
    { shape: [3], data: [0, 0, 0] },
  ]);
  const wave = Array.from({ length: size }, (_, i) => i % 7 - 3);
  setGradients(arena, wave, [1, 2, 3]);
  const measured = new GradNorm(device, 1);
  measured.measure(arena);
  const expected = Math.sqrt(wave.reduce((sum, g) => sum + g * g, 14));
  assertClose(await measured.norm.data(), [expected], STEPS);
});
