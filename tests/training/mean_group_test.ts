import { assertLess } from "@std/assert";
import {
  Batches,
  EndToEndBlt,
  type LanguageModel,
  type Objective,
  patchRows,
  StackedBlt,
  tokenStream,
  Trainer,
} from "../../blt/mod.ts";
import { Rng, Scope, Tensor } from "../../tensor/mod.ts";
import { tinyEndToEnd, tinyStacked } from "../blt/tiny_models.ts";
import { devices } from "../support/devices.ts";

const STEPS = 200;
const SHAPE = { rows: 4, context: 256 };

/** Rows of held-out text. */
const ROWS = 100;

const book = new URL("../../data/moby_dick.txt", import.meta.url);
const stream = tokenStream([{
  name: "book",
  bytes: await Deno.readFile(book),
}]);
const HELD_OUT = stream.subarray(130_000, 130_000 + ROWS * SHAPE.context);

/**
 * Mean units in a group of text that comes behind what a model was trained on,
 * with the thresholds as training left them.
 */
async function meanGroup(model: LanguageModel): Promise<number> {
  using _scope = new Scope();
  const device = devices[0]!;
  using trainer = new Trainer(model, device, {
    batches: new Batches(stream.subarray(30_000, 130_000), SHAPE, new Rng(2)),
    shape: SHAPE,
    schedule: {
      kind: "cosine",
      peak: 4e-3,
      totalSteps: STEPS,
      warmupSteps: 10,
      finalFraction: 0.1,
    },
  });
  for (let step = 0; step < STEPS; step++) trainer.step();
  trainer.settle();

  const lengths = Array<number>(ROWS).fill(SHAPE.context);
  const rows = patchRows({ ids: HELD_OUT, lengths }, model.config);
  const targets = Tensor.from(device, [HELD_OUT.length], HELD_OUT);
  const teach = model.teach(device, SHAPE.context);
  const batch = teach.upload(rows, STEPS);
  const [groups] = teach.learn(batch, targets).metrics!;
  const starts = rows.starts.flatMap((flags) => [...flags.subarray(0, -1)]);
  const units = starts.length > 0 ? starts.filter(Boolean) : rows.ids;
  return units.length / (await groups!.data())[0]!;
}

const GROUPING = { target: 4, most: 16, rule: "above" } as const;

function endToEnd(objective: Objective): LanguageModel {
  const options = { grouping: GROUPING, warmupSteps: 20 };
  const { config } = tinyEndToEnd(objective, options);
  return new EndToEndBlt(config, new Rng(1));
}

function stacked(): LanguageModel {
  const uncertainty = { kind: "cost", of: "total", weight: 0.1 } as const;
  const { config } = tinyStacked(2, { kind: "space" }, uncertainty, GROUPING);
  return new StackedBlt(config, new Rng(1));
}

const MODELS: Readonly<Record<string, () => LanguageModel>> = {
  "EndToEndBlt, next,": () => endToEnd({ kind: "next", reaches: "all" }),
  "EndToEndBlt, previous,": () => endToEnd({ kind: "previous", bytes: 2 }),
  "StackedBlt, total,": stacked,
};

for (const [name, make] of Object.entries(MODELS)) {
  Deno.test(`${name} has mean groups of the wanted size`, async () => {
    const { target } = GROUPING;
    const mean = await meanGroup(make());

    assertLess(Math.abs(mean / target - 1), 0.05, `${mean} units`);
  });
}
