import {
  Batches,
  bltPreset,
  buildModel,
  bytesPreset,
  type ModelConfig,
  tokenStream,
  Trainer,
} from "../../blt/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const STEPS = 10;
const SHAPE = { rows: 2, context: 64 };

/** Losses of the first ten steps, in nats per id, as they were once measured. */
const KNOWN: Readonly<
  Record<string, { config: ModelConfig; losses: readonly number[] }>
> = {
  "a nano BLT": {
    config: bltPreset("nano", { kind: "space" }),
    losses: [
      6.10627,
      5.29888,
      5.01307,
      4.25292,
      4.35808,
      3.73475,
      3.46791,
      3.34379,
      3.54356,
      3.31568,
    ],
  },
  "a nano byte transformer": {
    config: bytesPreset("nano"),
    losses: [
      6.22821,
      5.02967,
      4.19825,
      4.20906,
      3.88866,
      3.48986,
      3.28901,
      3.10003,
      3.40581,
      2.97053,
    ],
  },
};

const book = new URL("../../data/moby_dick.txt", import.meta.url);
const stream = tokenStream([
  { name: "book", bytes: (await Deno.readFile(book)).subarray(30_000, 34_000) },
]);

for (const [name, { config, losses }] of Object.entries(KNOWN)) {
  deviceTest(`${name} has its known losses`, async (device) => {
    using trainer = new Trainer(buildModel(config, new Rng(1)), device, {
      batches: new Batches(stream, SHAPE, new Rng(2)),
      shape: SHAPE,
      schedule: { kind: "constant", peak: 4e-3, warmupSteps: 3 },
    });
    for (let step = 0; step < STEPS; step++) trainer.step();
    const found = (await trainer.metrics()).map(({ loss }) => loss);
    assertClose(found, losses, { absolute: 0, relative: 1e-3 }, "loss");
  });
}
