import { assert, assertEquals, assertLess } from "@std/assert";
import {
  type BltConfig,
  bltPreset,
  bytesPreset,
  type ByteTransformerConfig,
  encode,
  type PatcherConfig,
} from "../../blt/mod.ts";
import type { TransformerConfig } from "../../nn/mod.ts";
import { type Device, openDevice, Scope } from "../../tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { Trainer, type TrainingRows } from "./trainer.ts";

const CONTEXT = 48;

/** Two rows; the text is of any script. */
const STREAM = encode(
  "Call me Ishmael. Some years ago, never mind how long precisely, having " +
    "little or no money in my purse. Все люди рождаются свободными.",
).subarray(0, 2 * CONTEXT + 1);

function rowsBy(patcher: PatcherConfig): TrainingRows {
  return { stream: STREAM, context: CONTEXT, patcher };
}

const BLT = bltPreset("nano", { kind: "space" });
const BYTES = bytesPreset("nano");
const MODELS: Readonly<Record<string, BltConfig | ByteTransformerConfig>> = {
  Blt: BLT,
  ByteTransformer: BYTES,
};

/** What must not be created while shapes repeat. */
function created({ counts }: Device): Record<string, number> {
  const { blocks, bindGroups, pipelines } = counts;
  return { blocks, bindGroups, pipelines };
}

for (const [name, config] of Object.entries(MODELS)) {
  deviceTest(
    `${name} trains without waits and creates nothing new`,
    (device) => {
      const trainer = new Trainer(device, config, CONTEXT);
      // Patches of different numbers: two shapes that take turns.
      const batches = [rowsBy({ kind: "byte" }), rowsBy({ kind: "space" })];
      const step = (i: number): void => trainer.step(batches[i % 2]!).dispose();
      const { waits } = device.counts;
      step(0);
      const { liveBytes } = device.memory;
      step(1);
      // The one memory of the processor grows once more for each shape, since
      // steps after the first have the optimizer's moments beside all else.
      const first = device.kind === "cpu" ? 4 : 2;
      for (let i = 2; i < first; i++) step(i);
      const before = created(device);
      for (let i = first; i < first + 4; i++) {
        step(i);
        assertEquals(created(device), before, `step ${i}`);
        assertEquals(device.memory.liveBytes, liveBytes, `step ${i}`);
      }
      assertEquals(device.counts.waits, waits);
    },
  );

  deviceTest(
    `${name} trains to the same bits from the same seed`,
    async (device) => {
      assertEquals(
        await threeSteps(device, config),
        await threeSteps(device, config),
      );
    },
  );

  Deno.test(`${name} trains to the same bits with any number of threads`, async () => {
    const runs = [];
    for (const threads of [1, 2]) {
      using device = await openDevice("cpu", { threads });
      runs.push(await threeSteps(device, config));
    }
    assertEquals(runs[0], runs[1]);
  });
}

/** Losses of three steps and the parameters after them, as numbers. */
async function threeSteps(
  device: Device,
  config: BltConfig | ByteTransformerConfig,
): Promise<{ losses: number[]; values: Map<string, Float32Array> }> {
  using _scope = new Scope();
  const trainer = new Trainer(device, config, CONTEXT);
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) {
    losses.push(...await trainer.step(rowsBy({ kind: "space" })).data());
  }
  return { losses, values: await trainer.weights.arena.read("values") };
}

/** Root of the mean square of a difference. */
function distance(a: Float32Array, b: Float32Array): number {
  const sum = a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0);
  return Math.sqrt(sum / a.length);
}

for (const [name, config] of Object.entries(MODELS)) {
  Deno.test({
    name: `${name} trains alike on both devices`,
    ignore: devices.length < 2,
    async fn(): Promise<void> {
      const [cpu, gpu] = [
        await threeSteps(devices[0]!, config),
        await threeSteps(devices[1]!, config),
      ];
      assertClose(gpu.losses, cpu.losses, { absolute: 0, relative: 2e-6 });
      // Steps are 1e-3. Adam makes a step of a gradient that is almost 0, too,
      // so single elements may differ by more than the mean does.
      for (const [key, values] of cpu.values) {
        assertLess(distance(values, gpu.values.get(key)!), 2e-6, key);
      }
    },
  });
}

/** Kernels launched by the second step of a model. */
function launches(
  device: Device,
  config: BltConfig | ByteTransformerConfig,
): number {
  using _scope = new Scope();
  const trainer = new Trainer(device, config, CONTEXT);
  trainer.step(rowsBy({ kind: "space" }));
  const before = device.counts.launches;
  trainer.step(rowsBy({ kind: "space" }));
  return device.counts.launches - before;
}

deviceTest("a layer takes at most 26 launches per step", (device) => {
  const base = { blt: launches(device, BLT), bytes: launches(device, BYTES) };
  const extra = {
    transformer: { ...BYTES, transformer: deeper(BYTES.transformer) },
    encoder: { ...BLT, encoder: deeper(BLT.encoder) },
    latent: { ...BLT, latent: deeper(BLT.latent) },
    decoder: { ...BLT, decoder: deeper(BLT.decoder) },
  };
  for (const [part, config] of Object.entries(extra)) {
    // In front of each block of the decoder is a layer of cross-attention.
    const layers = part === "decoder" ? 2 : 1;
    const cost = launches(device, config) - base[config.kind];
    assert(cost > 0 && cost <= 26 * layers, `${part}: ${cost} launches`);
  }
});

function deeper(config: TransformerConfig): TransformerConfig {
  return { ...config, layers: config.layers + 1 };
}
