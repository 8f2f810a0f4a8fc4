import { assertEquals, assertNotEquals } from "@std/assert";
import {
  Batches,
  BYTE_OFFSET,
  encode,
  EndToEndBlt,
  EOS,
  type Objective,
  patchRows,
  Trainer,
} from "../../blt/mod.ts";
import { unitRowsOf } from "../../blt/batch.ts";
import { groupCapacity } from "../../blt/level.ts";
import { byteUnits, extentOf } from "../../blt/units.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  groupByScores,
  Rng,
  Scope,
  slice,
  sub,
  Tensor,
  trackQuantile,
} from "../../tensor/mod.ts";
import { devices } from "../support/devices.ts";
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
import { tinyEndToEnd } from "./tiny_models.ts";

const PREVIOUS: Objective = { kind: "previous", bytes: 2 };
const NEXT: Objective = { kind: "next", reaches: "all" };
const ROUTING: Objective = { kind: "routing" };

const OBJECTIVES: Readonly<Record<string, Objective>> = {
  previous: PREVIOUS,
  next: NEXT,
  "next on a branch": { kind: "next", reaches: "branch" },
  "next by its head": { kind: "next", reaches: "head" },
  "routing": ROUTING,
};

for (const [kind, objective] of Object.entries(OBJECTIVES)) {
  for (const rule of ["above", "rise"] as const) {
    if (objective === ROUTING && rule === "rise") continue;
    const make = (target: number, skip: boolean): Make => (device) => {
      const grouping = { target, most: 4, rule };
      return grouped(device, tinyEndToEnd(objective, { skip, grouping }));
    };
    const name = `EndToEndBlt, ${kind}, ${rule},`;
    proveCausal(name, make(2, true), 20);
    proveCausal(`${name} no skip,`, make(2, false), 20);
    if (rule === "rise") continue;
    // Where there is room for all groups, lengths and batches do not matter.
    const roomy = make(1.4, true);
    provePrefix(name, roomy);
    proveIndependent(name, roomy);
    proveApart(name, roomy, false);
  }
}

for (const objective of [PREVIOUS, NEXT, ROUTING]) {
  proveUnusual(
    `EndToEndBlt, ${objective.kind},`,
    (device) => grouped(device, tinyEndToEnd(objective)),
  );
}

proveUnawareOfBatch(
  "EndToEndBlt",
  (device) => grouped(device, tinyEndToEnd(NEXT)),
);

/** A model whose scores were changed by `change`. */
function scored(
  change: (scores: Tensor) => Tensor,
  objective: Objective = NEXT,
): Make {
  return (device) => {
    const model = tinyEndToEnd(objective);
    const sense = model.sense.bind(model);
    model.sense = (inputs, attend) => {
      const found = sense(inputs, attend);
      return { ...found, scores: change(found.scores) };
    };
    return grouped(device, model);
  };
}

for (const objective of [PREVIOUS, ROUTING]) {
  proveLeaking(
    `EndToEndBlt, ${objective.kind}, whose bytes read as if their own patch were known early`,
    (device) =>
      grouped(device, tinyEndToEnd(objective), {
        readable: ({ ids }) =>
          ids.map((id, p) => ids[p + 1] === id + 1 ? id : id - 1),
      }),
  );
}

proveLeaking(
  "EndToEndBlt whose bytes read the open patch",
  (device) =>
    grouped(device, tinyEndToEnd(NEXT), { readable: ({ ids }) => ids }),
);

proveLeaking(
  "EndToEndBlt that scores a byte by the one after it",
  scored(scoresOfNext),
);

proveLeaking(
  "EndToEndBlt that routes a byte by the one after it",
  scored(scoresOfNext, ROUTING),
);

proveLeaking(
  "EndToEndBlt with a threshold from the batch itself",
  scored((scores) => {
    const { device, size } = scores;
    const threshold = Tensor.from(device, [2], [0, 0]);
    const rule = { rule: "above", lookback: false, quantile: 0.5 } as const;
    const documents = Tensor.from(device, [size], new Uint32Array(size));
    trackQuantile(threshold, scores, { ...rule, documents });
    return sub(scores, slice(threshold, [[0, 1]]));
  }),
);

Deno.test("EndToEndBlt warms up with static patches", async () => {
  const shape = { rows: 2, context: 24 };
  const stream = encode("Call me Ishmael. Some years ago, naïve 鯨!");
  for (const objective of [PREVIOUS, NEXT]) {
    using _scope = new Scope();
    const { config } = tinyEndToEnd(objective, { warmupSteps: 2 });
    assertEquals(config.blt.patcher, { kind: "static", bytes: 3 });
    const model = new EndToEndBlt(config, new Rng(1));
    using trainer = new Trainer(model, devices[0]!, {
      batches: new Batches(stream, shape, new Rng(2)),
      shape,
      schedule: { kind: "constant", peak: 0.01, warmupSteps: 0 },
    });
    for (let step = 0; step < 3; step++) trainer.step();
    const means = (await trainer.metrics())
      .map(({ meanPatchBytes }) => meanPatchBytes);
    // BOS alone, then three bytes each.
    const warm = 24 / (1 + Math.ceil(23 / 3));
    assertEquals(means.slice(0, 2), [warm, warm]);
    assertNotEquals(means[2], warm);
  }
});

Deno.test("EndToEndBlt has only the parts that its objective needs", () => {
  const parts = Object.values(OBJECTIVES).map((objective) => {
    const { branch, heads, norm, router, nothing } = tinyEndToEnd(objective);
    return Object.entries({ branch, heads, norm, router, nothing })
      .filter(([, part]) => part !== undefined).map(([name]) => name);
  });
  assertEquals(parts, [
    ["heads", "norm", "nothing"],
    ["heads", "norm"],
    ["branch", "heads", "norm"],
    ["heads", "norm"],
    ["router", "nothing"],
  ]);
});

for (const objective of [PREVIOUS, NEXT]) {
  Deno.test(`EndToEndBlt tracks the threshold of its scores, ${objective.kind}`, async () => {
    const device = devices[0]!;
    const ids = encode("Some years ago, never mind how long.", { eos: false });
    const lengths = [ids.length];
    for (const step of [0, Infinity]) { // warming up, and later
      using _scope = new Scope();
      const model = tinyEndToEnd(objective);
      const { lookback, config: { grouping, blt } } = model;
      placeWeights(model, device);
      // Some scores are above it.
      model.threshold.value.write(Float32Array.of(5.45, 0));
      const own = Tensor.from(device, [2], [5.45, 0]);
      const sense = model.sense.bind(model);
      model.sense = (...given) => {
        const found = sense(...given);
        const units = byteUnits(ids, lengths);
        const rows = unitRowsOf(device, units);
        const { rule, most, target } = grouping;
        const groups = groupByScores(rows, found.scores, {
          ...{ threshold: own, rule, lookback, most, slots: blt.slots },
          capacity: groupCapacity(target, extentOf(units)),
          window: blt.latent.window,
        });
        trackQuantile(own, found.scores, {
          documents: rows.documents,
          ...step > 0 && { groups: groups.units.counts },
          ...{ rule, lookback, quantile: 1 - 1 / target },
        });
        return found;
      };
      const teach = model.teach(device, ids.length);
      const rows = patchRows({ ids, lengths }, model.config);
      const targets = Tensor.from(device, lengths, ids);
      teach.learn(teach.upload(rows, step), targets).finish!();
      const found = await model.threshold.value.data();
      assertEquals(found, await own.data(), `step ${step}`);
      assertEquals(found[1], 1);
    }
  });
}

Deno.test("EndToEndBlt asks for bytes before, up to the document's first", async () => {
  using _scope = new Scope();
  const model = tinyEndToEnd(PREVIOUS);
  const rows = [[...encode("ab")], [...encode("cde", { eos: false })]];
  const ids = Uint32Array.from(rows.flat());
  const lengths = rows.map((row) => row.length);
  const teach = model.teach(devices[0]!, 4);
  const upload = teach.upload(patchRows({ ids, lengths }, model.config), 0);
  const { previous } = upload as { previous: Tensor };
  const [a, b, c, d, e] = [..."abcde"].map((letter) =>
    letter.charCodeAt(0) + BYTE_OFFSET
  ) as [number, number, number, number, number];
  const none = 260; // no class
  assertEquals([...await previous.indices()], [
    ...[none, none, none, a, none, none, b, a, none, EOS, b, a],
    ...[none, none, none, c, none, none, d, c, none, e, d, c],
  ]);
});
