import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import {
  Batches,
  type EndToEndBlt,
  type PatchedRows,
  patchRows,
  type StackedBlt,
  tokenStream,
  Trainer,
} from "../../blt/mod.ts";
import { parameters, placeWeights } from "../../nn/mod.ts";
import { crossEntropy, noGrad, Rng, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import { intercept, knownOf, type UnitGroups } from "./grouped_subject.ts";
import { drawRow, joined } from "./subject.ts";
import { tinyEndToEnd, tinyStacked } from "./tiny_models.ts";

const COST = { kind: "cost", of: "rate", weight: 0.1 } as const;

const MODELS: Readonly<Record<string, () => EndToEndBlt | StackedBlt>> = {
  "EndToEndBlt, previous,": () =>
    tinyEndToEnd({ kind: "previous", bytes: 2 }, { warmupSteps: 2 }),
  "EndToEndBlt, next,": () =>
    tinyEndToEnd({ kind: "next", reaches: "branch" }, { warmupSteps: 2 }),
  "EndToEndBlt, routing,": () =>
    tinyEndToEnd({ kind: "routing" }, { warmupSteps: 2 }),
  StackedBlt: () => tinyStacked(3, { kind: "static", bytes: 2 }, COST),
};

const LENGTH = 40;

/** Two rows; the second comes from `seed`. */
function batch(model: EndToEndBlt | StackedBlt, seed: number): PatchedRows {
  const rows = [1, seed].map((it) => drawRow(new Draw(it), LENGTH));
  return patchRows(joined(rows), model.config);
}

for (const [name, make] of Object.entries(MODELS)) {
  deviceTest(
    `${name} teaches by the logits that it gives`,
    async (device) => {
      const model = make();
      placeWeights(model, device);
      const rows = batch(model, 2);
      const targets = Tensor.from(device, [2 * LENGTH], rows.ids);
      const teach = model.teach(device, LENGTH);
      const lesson = teach.learn(teach.upload(rows, Infinity), targets);
      const logits = noGrad(() => model.feed(device, LENGTH)(rows));
      const expected = await crossEntropy(logits, targets).data();
      assertEquals(await lesson.nats.data(), expected);
      assert((await lesson.loss.data())[0]! > expected[0]!);
      assertEquals(lesson.metrics?.length, model.metricNames.length);
    },
  );

  deviceTest(
    `${name} trains without waits and creates nothing new`,
    async (device) => {
      // Short documents, so that rows hold different numbers of them.
      const names = ["anna", "bo", "christopher", "d", "emanuela"];
      const stream = tokenStream(
        Array.from({ length: 40 }, (_, i) => ({
          name: `${i}`,
          bytes: new TextEncoder().encode(names[i % names.length]),
        })),
      );
      const shape = { rows: 2, context: LENGTH };
      using trainer = new Trainer(make(), device, {
        batches: new Batches(stream, shape, new Rng(1)),
        shape,
        schedule: { kind: "constant", peak: 1e-3, warmupSteps: 0 },
      });
      for (let step = 0; step < 8; step++) trainer.step();
      const before = device.counts;
      for (let step = 0; step < 4; step++) trainer.step();
      const after = device.counts;
      assertEquals(after.waits, before.waits);
      assertEquals(after.pipelines, before.pipelines);
      assertEquals(after.blocks, before.blocks);
      assertLess((after.launches - before.launches) / 4, 450);
      for (const { loss } of await trainer.metrics()) {
        assert(Number.isFinite(loss));
      }
    },
  );

  // Routing has a threshold that does not move.
  if (name === "EndToEndBlt, routing,") continue;
  deviceTest(
    `${name} uses its scores from the next step on`,
    async (device) => {
      const outcomes = [];
      for (const seed of [2, 3]) {
        const model = make();
        const heard: UnitGroups[] = [];
        intercept(model, (groups) => {
          heard.push(groups);
          return groups;
        });
        const { arena } = placeWeights(model, device);
        const thresholds = [...parameters(model).keys()]
          .filter((name) => name.endsWith("threshold"));
        const read = async (): Promise<Float32Array[]> => {
          const values = await arena.read("values");
          return thresholds.map((name) => values.get(name)!);
        };
        const teach = model.teach(device, LENGTH);
        const learn = (seed: number): () => void => {
          const rows = batch(model, seed);
          const targets = Tensor.from(device, [2 * LENGTH], rows.ids);
          return teach.learn(teach.upload(rows, Infinity), targets).finish!;
        };
        for (let i = 0; i < 3; i++) learn(5)();
        const before = await read();
        heard.length = 0;
        const finish = learn(seed);
        assertEquals(await read(), before);
        finish();
        assertNotEquals(await read(), before);
        const groups = [];
        for (const level of heard) {
          const { ids } = await knownOf(level, 2);
          groups.push(ids.filter((id) => id < level.segments.count / 2));
        }
        outcomes.push({ groups, after: await read() });
      }
      // The row that both batches have is grouped alike in both.
      assertEquals(outcomes[0]!.groups, outcomes[1]!.groups);
      assertNotEquals(outcomes[0]!.after, outcomes[1]!.after);
    },
  );
}
