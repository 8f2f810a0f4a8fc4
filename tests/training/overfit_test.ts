import { assertGreater, assertLess } from "@std/assert";
import { type BltConfig, encode } from "../../blt/mod.ts";
import { openDevice, Scope } from "../../tensor/mod.ts";
import { Trainer } from "./trainer.ts";

const STEPS = 120;
const CONTEXT = 128;

const LOCAL = {
  layers: 1,
  dim: 32,
  heads: 2,
  hiddenDim: 64,
  window: 64,
  ropeTheta: 500_000,
};

/** Without n-gram tables: these alone can learn a short text by heart. */
const CONFIG: BltConfig = {
  kind: "blt",
  patcher: { kind: "space" },
  encoder: LOCAL,
  latent: { ...LOCAL, layers: 2, dim: 64, heads: 4, hiddenDim: 128 },
  decoder: LOCAL,
  slots: 2,
  residual: 2,
};

/** Up over 10 steps, down over the last 36. */
function learningRate(step: number): number {
  return 0.01 * Math.min(1, (step + 1) / 10, (STEPS - step) / 36);
}

Deno.test("Blt learns 2 kB by heart", async () => {
  const book = new URL("../../data/moby_dick.txt", import.meta.url);
  const text = (await Deno.readTextFile(book)).slice(20_000, 22_048);
  const ids = encode(text);
  const rows = Math.floor((ids.length - 1) / CONTEXT);
  assertGreater(rows * CONTEXT, 2000);
  const batch = {
    stream: ids.subarray(0, rows * CONTEXT + 1),
    context: CONTEXT,
    patcher: CONFIG.patcher,
  };
  using device = await openDevice("cpu");
  using _scope = new Scope();
  const trainer = new Trainer(device, CONFIG, CONTEXT);
  for (let step = 0; step < STEPS; step++) {
    trainer.step(batch, learningRate(step)).dispose();
  }
  const [nats = NaN] = await trainer.step(batch).data();
  assertLess(nats / Math.LN2, 0.05, "bits per byte");
});
