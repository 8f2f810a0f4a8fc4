/**
 * Trains every kind of model on the same bytes and writes one table:
 * `deno task compare --seed 1 --seed 2 --resume runs/compare --out table.md`.
 *
 * @module
 */
import {
  byteCount,
  choiceFlag,
  integerFlag,
  needsEntropyModel,
  numberFlag,
  pathFlag,
  planOf,
  PRESET_NAMES,
  switchFlag,
  textFlag,
  type TrainPlan,
  UsageError,
} from "../../blt/mod.ts";
import {
  flagLines,
  open,
  print,
  readTexts,
  runCommand,
  type Values,
} from "./command_line.ts";
import { configOf, CONTESTANTS } from "./contestants.ts";
import { trainEntropies } from "./entropies.ts";
import { measure } from "./measure.ts";
import { comparison, type Result } from "./table.ts";
import { corpusOf, type Place } from "./training.ts";

/** What makes nano models fit into minutes on a processor. */
const MINUTES = { steps: 180, batch: 4 };

const FLAGS = {
  preset: choiceFlag(PRESET_NAMES, "size of the models (default nano)"),
  steps: integerFlag(
    "N",
    "steps to train (default nano 180, else by preset)",
    1,
  ),
  batch: integerFlag(
    "B",
    "rows in a batch (default nano 4, else by preset)",
    1,
  ),
  context: integerFlag("T", "bytes in a row (default by preset)", 1),
  patchBytes: numberFlag(
    "R",
    "bytes per patch (default 4)",
    (x) => x >= 1,
    "a number >= 1",
  ),
  seed: integerFlag(
    "S",
    "of weights and batches; may be repeated (default 1)",
    0,
  ),
  data: pathFlag("FILE", "text; may be repeated (default Moby Dick)"),
  only: textFlag("NAMES", "models to train, with commas between (default all)"),
  device: choiceFlag(["auto", "webgpu", "cpu"], "where to compute"),
  resume: pathFlag("DIR", "keeps results there, and does not repeat those"),
  out: pathFlag("FILE", "writes the table there, too"),
  help: switchFlag("shows this"),
};

const USAGE = `usage: deno task compare [FLAGS]

Trains every kind of model on the same bytes and prints one table.

${flagLines(FLAGS)}

Models: ${Object.keys(CONTESTANTS).join(", ")}.
"bytes-equal" takes as many FLOPs per byte as BLT with its entropy model.

All models with one seed take, on two cores of a processor:
  nano     about 12 minutes (1.5 hours with --steps 800 --batch 8)
  micro    about 25 hours, 1 to 3 for each model
The others are for GPUs, at 1 TFLOP/s about:
  mini     45 hours, 2 to 7 for each model
  stories  220 hours, 10 to 30 for each model`;

/** File of a folder that keeps results: one JSON object a line. */
const RESULTS = "results.jsonl";

await runCommand(FLAGS, USAGE, run);

async function run(values: Values<typeof FLAGS>): Promise<void> {
  const { resume: [folder] = [], out: [file] = [] } = values;
  const names = namesOf(values.only?.at(-1));
  const seeds = values.seed ?? [1];
  const documents = await readTexts(values.data);
  const corpus = corpusOf(documents);
  using device = await open(values.device?.at(-1));
  const settings = inWords(planFor("entropy", 0, values), {
    data: `${documents.map(({ name }) => name).join(", ")} (${
      byteCount(corpus.training)
    } bytes and ${byteCount(corpus.heldOut)} held out)`,
    device: `${device.kind} (${device.description})`,
  });

  const kept = folder === undefined ? [] : await resultsIn(folder, settings);
  const results: Result[] = [];
  function text(): string {
    const inOrder = names.flatMap((name) =>
      results.filter((result) => result.name === name)
    );
    return `${settings}, seed ${seeds.join(", ")}\n\n${comparison(inOrder)}\n`;
  }
  Deno.addSignalListener("SIGINT", () => {
    print(`\n${text()}`);
    Deno.exit(130);
  });

  for (const seed of seeds) {
    const known = kept.filter((result) => result.seed === seed);
    results.push(...known.filter(({ name }) => names.includes(name)));
    const missing = names.filter((name) =>
      known.every((result) => result.name !== name)
    );
    const needed = missing.some((name) =>
      needsEntropyModel(configOf(name, planFor(name, seed, values)))
    );
    const placeOf = (name: string): Place => ({
      device,
      corpus,
      progress: (step, bits) =>
        print(
          `\r${name}, seed ${seed}: step ${step}, ${
            bits.toFixed(3)
          } bits per byte `,
          Deno.stderr,
        ),
    });
    using entropies = needed
      ? await trainEntropies(
        planFor("entropy", seed, values),
        placeOf("entropy model"),
      )
      : undefined;
    for (const name of missing) {
      const plan = planFor(name, seed, values);
      const result = await measure(name, plan, placeOf(name), entropies);
      results.push(result);
      print(`, ${result.seconds.toFixed(0)} s\n`, Deno.stderr);
      if (folder !== undefined) {
        const line = JSON.stringify({ settings, ...result });
        await Deno.writeTextFile(`${folder}/${RESULTS}`, `${line}\n`, {
          append: true,
        });
      }
      if (file !== undefined) await Deno.writeTextFile(file, text());
    }
  }
  print(text());
}

function namesOf(list: string | undefined): string[] {
  const all = Object.keys(CONTESTANTS);
  const names = list?.split(",") ?? all;
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names;
  throw new UsageError(
    `Cannot compare ${unknown}: expected some of ${all.join(",")}`,
    USAGE,
  );
}

function planFor(
  name: string,
  seed: number,
  { preset, steps, batch, context, patchBytes }: Values<typeof FLAGS>,
): TrainPlan {
  const size = preset?.at(-1) ?? "nano";
  return planOf({
    model: "blt",
    preset: size,
    patcher: "entropy",
    patchBytes: patchBytes?.at(-1) ?? 4,
    seed,
    ...size === "nano" && MINUTES,
    ...steps && { steps: steps.at(-1)! },
    ...batch && { batch: batch.at(-1)! },
    ...context && { context: context.at(-1)! },
    ...CONTESTANTS[name],
  });
}

function inWords(
  { preset, steps, batch, context, patchBytes }: TrainPlan,
  { data, device }: { readonly data: string; readonly device: string },
): string {
  return `${preset}, ${steps} steps of ${batch} x ${context} bytes, ` +
    `${patchBytes} bytes per patch, ${data}, ${device}`;
}

/** Results with the same settings, in a folder that is made if need be. */
async function resultsIn(folder: string, settings: string): Promise<Result[]> {
  await Deno.mkdir(folder, { recursive: true });
  try {
    const lines = await Deno.readTextFile(`${folder}/${RESULTS}`);
    return lines.split("\n").filter((line) => line !== "")
      .map((line): Result & { settings: string } => JSON.parse(line))
      .filter((result) => result.settings === settings);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
