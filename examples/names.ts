/**
 * Trains a Byte Latent Transformer on names and has it make up new ones.
 *
 *     deno run examples/names.ts [STEPS]
 *
 * @module
 */
// deno-lint-ignore-file no-console
import {
  generate,
  MemoryStore,
  openDevice,
  openRun,
  Rng,
  train,
  type TrainEvent,
  type TrainOptions,
} from "../mod.ts";

const steps = Number(Deno.args[0] ?? 150);

/** Names of three parts each. */
function names(count: number): string[] {
  const rng = new Rng(1);
  const pick = (parts: string): string => {
    const all = parts.split(" ");
    return all[rng.integer(all.length)]!;
  };
  const name = (): string =>
    pick("Al Ber Cor Dar El Fin Gal Hal Is Jor Kel Lor Mar Nor Or") +
    pick("a e i o an en in on ar er ir or") +
    pick("bert dan dor la lia mir na nor ric ra ron sa ven win");
  return Array.from({ length: count }, name);
}

const known = names(3000);
const documents = [{
  name: "names",
  bytes: new TextEncoder().encode(known.join("\n")),
}];

const options: TrainOptions = {
  model: "blt",
  preset: "nano",
  patcher: "entropy",
  patchBytes: 3,
  steps,
  entropySteps: steps,
  batch: 8,
  context: 96,
  seed: 1,
};

function report(event: TrainEvent): void {
  if (event.kind === "start") console.log(`${event.model} on ${event.device}`);
  if (event.kind !== "step") return;
  const { phase, step, bitsPerByte } = event;
  if (step % 50 === 0 || step === steps) {
    console.log(`${phase}, step ${step}: ${bitsPerByte.toFixed(2)} bits`);
  }
}

using device = await openDevice();
const store = new MemoryStore();
await train(options, documents, { device, store, report });

using run = await openRun(store, device);
const prompt = new TextEncoder().encode("\n");
const bytes = await generate(run, { prompt, bytes: 120, temperature: 0.7 });
// The last line may be cut.
const written = new TextDecoder().decode(bytes).split("\n").slice(0, -1);
for (const name of written) {
  console.log(known.includes(name) ? name : `${name} (new)`);
}
