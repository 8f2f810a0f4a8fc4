import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  Batches,
  Blt,
  encode,
  type LanguageModel,
  type Level,
  patchRows,
  StackedBlt,
  type StackedConfig,
  Trainer,
  type Uncertainty,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  type Device,
  noGrad,
  Rng,
  Scope,
  Tensor,
  trackQuantile,
} from "../../tensor/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { grouped, scoresOfNext } from "./grouped_subject.ts";
import {
  type Make,
  proveApart,
  proveCausal,
  proveIndependent,
  proveLeaking,
  provePrefix,
  proveUnawareOfBatch,
  proveUnusual,
} from "./proofs.ts";
import { patchers } from "./subject.ts";
import { tinyStacked } from "./tiny_models.ts";

const TOTAL: Uncertainty = { kind: "cost", of: "total", weight: 0.1 };
const ENTROPY = patchers["entropy"]!;

const UNCERTAINTIES: Readonly<Record<string, Uncertainty>> = {
  total: TOTAL,
  rate: { kind: "cost", of: "rate", weight: 0.1 },
  seam: { kind: "seam" },
  fixed: { kind: "fixed" },
};

/** Models of every number of levels; at most `target` units in a mean group. */
const MODELS: Readonly<Record<string, (target: number) => StackedBlt>> = {
  "1 level": () => tinyStacked(1, ENTROPY, TOTAL),
  ...Object.fromEntries(
    [2, 3].flatMap((levels) =>
      Object.entries(UNCERTAINTIES).map(([kind, uncertainty]) => [
        `${levels} levels, ${kind}`,
        (target: number): StackedBlt =>
          tinyStacked(levels, ENTROPY, uncertainty, { target }),
      ])
    ),
  ),
};

for (const [what, make] of Object.entries(MODELS)) {
  const name = `StackedBlt of ${what}`;
  proveCausal(name, (device) => grouped(device, make(2)), 10);
  // Where there is room for all groups, lengths and batches do not matter.
  const roomy: Make = (device) => grouped(device, make(1.4));
  provePrefix(name, roomy);
  proveIndependent(name, roomy);
  proveApart(name, roomy, false);
}

for (const levels of [2, 3]) {
  for (const kind of ["total", "rate", "seam"]) {
    proveCausal(
      `StackedBlt of ${levels} levels, rise of ${kind}`,
      (device) => {
        const rule = { rule: "rise" } as const;
        const uncertainty = UNCERTAINTIES[kind]!;
        return grouped(device, tinyStacked(levels, ENTROPY, uncertainty, rule));
      },
      10,
    );
  }
}

proveUnusual(
  "StackedBlt",
  (device) => grouped(device, tinyStacked(3, ENTROPY, TOTAL)),
);

proveUnawareOfBatch(
  "StackedBlt",
  (device) => grouped(device, tinyStacked(3, ENTROPY, TOTAL)),
);

/** A model whose further level was changed by `change`. */
function changed(change: (level: Level) => void): Make {
  return (device) => {
    const model = tinyStacked(2, ENTROPY, TOTAL);
    change(model.levels[0]!);
    return grouped(device, model);
  };
}

proveLeaking(
  "StackedBlt whose units read the open group",
  (device) =>
    grouped(device, tinyStacked(2, ENTROPY, TOTAL), {
      readable: ({ ids }) => ids,
    }),
);

proveLeaking(
  "StackedBlt that scores a unit by the one after it",
  changed(({ cost }) => {
    const forward = cost!.forward.bind(cost);
    cost!.forward = (x) => scoresOfNext(forward(x));
  }),
);

proveLeaking(
  "StackedBlt with a threshold from the batch itself",
  changed((level) => {
    const group = level.group.bind(level);
    level.group = (rows, scores, extent) => {
      const rule = { rule: "above", lookback: false, quantile: 0.5 } as const;
      const { documents } = rows;
      trackQuantile(level.threshold.value, scores, { ...rule, documents });
      return group(rows, scores, extent);
    };
  }),
);

const CONTEXT = 40;

/** Losses of four steps, and the weights behind them. */
async function fourSteps(
  device: Device,
  model: LanguageModel,
): Promise<{ losses: number[]; values: Map<string, Float32Array> }> {
  const shape = { rows: 2, context: CONTEXT };
  const text = encode(
    "Some years ago, never mind how long precisely. ".repeat(9),
  );
  using trainer = new Trainer(model, device, {
    batches: new Batches(text, shape, new Rng(2)),
    shape,
    schedule: { kind: "constant", peak: 1e-2, warmupSteps: 2 },
  });
  for (let step = 0; step < 4; step++) trainer.step();
  const losses = (await trainer.metrics()).map(({ loss }) => loss);
  return { losses, values: await trainer.weights.arena.read("values") };
}

deviceTest("StackedBlt of 1 level is Blt, bit for bit", async (device) => {
  const { config } = tinyStacked(1, { kind: "space" }, TOTAL);
  const stacked = await fourSteps(device, new StackedBlt(config, new Rng(3)));
  const plain = await fourSteps(device, new Blt(config.blt, new Rng(3)));
  assertEquals(stacked.losses, plain.losses);
  assertEquals(
    [...stacked.values],
    [...plain.values].map(([name, value]) => [`blt.${name}`, value]),
  );
  assertGreater(plain.losses[0]! - plain.losses[3]!, 0.1);
});

/** Logits of one row of text. */
async function logitsOf(
  device: Device,
  model: StackedBlt,
): Promise<Float32Array> {
  using _scope = new Scope();
  const ids = encode("Call me Ishmael. Some years ago", { eos: false });
  const rows = patchRows({ ids, lengths: [ids.length] }, model.config);
  return await noGrad(() => model.feed(device, ids.length)(rows)).data();
}

deviceTest(
  "StackedBlt can grow by a level that changes nothing at first",
  async (device) => {
    const { config } = tinyStacked(3, { kind: "space" }, TOTAL);
    for (const count of [0, 1]) {
      const sizes = (levels: number): StackedConfig => ({
        ...config,
        levels: config.levels.slice(0, levels),
      });
      const before = new StackedBlt(sizes(count), new Rng(4));
      const { values } = await fourSteps(device, before);
      const small = new StackedBlt(sizes(count), new Rng(5));
      placeWeights(small, device).arena.write("values", values);
      const grown = new StackedBlt(sizes(count + 1), new Rng(6));
      const { arena } = placeWeights(grown, device);
      const fresh = await arena.read("values");
      arena.write("values", new Map([...fresh, ...values]));
      assertEquals(
        await logitsOf(device, grown),
        await logitsOf(device, small),
      );
    }
  },
);

deviceTest("StackedBlt wants entropies where it groups by them", (device) => {
  const seam = { kind: "seam" } as const;
  const model = tinyStacked(2, { kind: "space" }, seam);
  placeWeights(model, device);
  const ids = encode("a b c");
  const rows = patchRows({ ids, lengths: [ids.length] }, model.config);
  assertThrows(
    () => model.feed(device, ids.length)(rows),
    RangeError,
    "Cannot group by entropy at the seam",
  );
});

Deno.test("StackedBlt tracks the threshold of scores about the unit behind", async () => {
  using _scope = new Scope();
  const device = devices[0]!;
  const model = tinyStacked(2, { kind: "space" }, TOTAL);
  placeWeights(model, device);
  const [level] = model.levels;
  const group = level!.group.bind(level);
  const own = Tensor.from(device, [2], [0, 0]);
  level!.group = (rows, scores, extent) => {
    const groups = group(rows, scores, extent);
    trackQuantile(own, scores, {
      documents: rows.documents,
      groups: groups.units.counts,
      rule: "above",
      lookback: false,
      quantile: 1 - 1 / level!.config.grouping.target,
    });
    return groups;
  };
  const ids = encode("Some years ago, never mind how long.", { eos: false });
  const rows = patchRows({ ids, lengths: [ids.length] }, model.config);
  const teach = model.teach(device, ids.length);
  const targets = Tensor.from(device, [ids.length], ids);
  teach.learn(teach.upload(rows, 0), targets).finish!();
  const found = await level!.threshold.value.data();
  assertEquals(found, await own.data());
  assertEquals([found[0]! > 0, found[1]], [true, 1]);
});
