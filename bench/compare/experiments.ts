/**
 * Answers what the idea of end-to-end patching left open, each by a table:
 * `deno task experiments --out experiments.md`.
 *
 * @module
 */
import {
  choiceFlag,
  integerFlag,
  pathFlag,
  planOf,
  switchFlag,
} from "../../blt/mod.ts";
import { devices } from "../support.ts";
import {
  flagLines,
  open,
  print,
  readTexts,
  runCommand,
  type Values,
} from "./command_line.ts";
import { difficultyTable } from "./difficulty.ts";
import { gradientTable } from "./gradients.ts";
import { pauseTable } from "./pause.ts";
import { corpusOf, type Place } from "./training.ts";

const FLAGS = {
  only: choiceFlag(["difficulty", "gradients", "pause"], "one table alone"),
  steps: integerFlag("N", "steps to train models (default 300)", 10),
  seed: integerFlag("S", "of weights and batches (default 1)", 0),
  data: pathFlag("FILE", "text; may be repeated (default Moby Dick)"),
  device: choiceFlag(
    ["auto", "webgpu", "cpu"],
    "where to train; the pause is measured on all",
  ),
  out: pathFlag("FILE", "writes the tables there, too"),
  help: switchFlag("shows this"),
};

const USAGE = `usage: deno task experiments [FLAGS]

Prints three tables about end-to-end models:
  difficulty  whether the entropy of byte heads tells which bytes are hard
  gradients   how much gradient reaches the front of the model
  pause       what it costs to wait for patches in every step

${flagLines(FLAGS)}

Takes about 8 minutes on two cores of a processor.`;

await runCommand(FLAGS, USAGE, run);

async function run(values: Values<typeof FLAGS>): Promise<void> {
  const { only, steps: [steps = 300] = [], seed: [seed = 1] = [] } = values;
  const documents = await readTexts(values.data);
  using device = await open(values.device?.at(-1));
  const place: Place = {
    device,
    corpus: corpusOf(documents),
    progress: (step, bits) =>
      print(`\rstep ${step}, ${bits.toFixed(3)} bits per byte `, Deno.stderr),
  };
  const plan = planOf({
    model: "end-to-end",
    preset: "nano",
    patcher: "static",
    patchBytes: 4,
    steps,
    batch: 4,
    seed,
  });
  const tables = {
    difficulty: () => difficultyTable(plan, place),
    gradients: () => gradientTable(plan, place),
    pause: () => pauseTable(devices, place.corpus.training),
  };
  let text = `nano, ${steps} steps of ${plan.batch} x ${plan.context} bytes, ` +
    `seed ${seed}, ${documents.map(({ name }) => name).join(", ")}, ` +
    `${device.kind} (${device.description})\n`;
  print(text);
  for (const [name, table] of Object.entries(tables)) {
    if (only && !only.some((chosen) => chosen === name)) continue;
    const since = performance.now();
    const found = await table();
    const seconds = (performance.now() - since) / 1000;
    const part = `\n## ${name}\n\n${found}\nIt took ${seconds.toFixed(0)} s.\n`;
    print(part);
    text += part;
    if (values.out) await Deno.writeTextFile(values.out.at(-1)!, text);
  }
}
