import { assertGreater } from "@std/assert";
import {
  encode,
  type EndToEndBlt,
  type Objective,
  patchIds,
  patchRows,
  readablePatches,
  type StackedBlt,
} from "../../blt/mod.ts";
import { placeWeights, type TransformerConfig } from "../../nn/mod.ts";
import { type Device, Scope, Tensor } from "../../tensor/mod.ts";
import type { Scalar } from "../reference/autodiff64.ts";
import {
  type BodySizes,
  endToEndLoss,
  type Groups,
  stackedLoss,
} from "../reference/grouped.ts";
import { byReferenceName } from "../reference/own_names.ts";
import type { TransformerSizes } from "../reference/transformer.ts";
import { lossAndGradients, type Variables } from "../reference/weights.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import {
  intercept,
  type Known,
  knownOf,
  type UnitGroups,
} from "./grouped_subject.ts";
import { tinyEndToEnd, tinyStacked } from "./tiny_models.ts";

/** Roundings of f32 sums in a dozen layers. */
const TOLERANCE = { absolute: 2e-6, relative: 2e-5 };

const IDS = encode("so it goes, so", { eos: false });

function sizesOf(
  { hiddenDim, ropeTheta, ...sizes }: TransformerConfig,
): TransformerSizes {
  return { ...sizes, hidden: hiddenDim, theta: ropeTheta };
}

function bodySizes({ config }: EndToEndBlt["blt"]): BodySizes {
  const { encoder, latent, decoder, slots, ngrams } = config;
  return {
    encoder: sizesOf(encoder),
    latent: sizesOf(latent),
    decoder: sizesOf(decoder),
    slots,
    ngramSizes: ngrams!.sizes,
    tableRows: ngrams!.rows,
  };
}

/** Groups of the first `count` units; those behind only fill up. */
function groupsOf({ ids, readable }: Known, count: number): Groups {
  const [first = 0] = ids;
  const used = [...ids.subarray(0, count)];
  const last = used.at(-1)!;
  return {
    groups: Array.from({ length: last - first + 1 }, (_, group) => [
      used.indexOf(first + group),
      used.lastIndexOf(first + group) + 1,
    ]),
    reads: [...readable.subarray(0, count)].map((group) => group - first),
  };
}

/** Compares the loss and every element of every gradient; gives these. */
async function assertGradients(
  device: Device,
  model: EndToEndBlt | StackedBlt,
  reference: (groups: readonly Groups[], weights: Variables) => Scalar,
): Promise<ReadonlyMap<string, Float32Array>> {
  const heard: UnitGroups[] = [];
  intercept(model, (groups) => {
    heard.push(groups);
    return groups;
  });
  const weights = placeWeights(model, device);
  const teach = model.teach(device, IDS.length);
  const rows = patchRows({ ids: IDS, lengths: [IDS.length] }, model.config);
  const next = Uint32Array.from([...IDS.slice(1), 260]);
  const targets = Tensor.from(device, [IDS.length], next);
  // Each call finds the thresholds of one more level.
  for (let level = 0; level < 2; level++) {
    using _scope = new Scope();
    teach.learn(teach.upload(rows, Infinity), targets).finish?.();
  }
  heard.length = 0;
  const { loss } = teach.learn(teach.upload(rows, Infinity), targets);
  weights.backward(loss);

  const known = [];
  const [flags] = rows.starts;
  if (flags) {
    const readable = Uint32Array.from(readablePatches(flags));
    known.push({ ids: patchIds(flags), readable });
  }
  const { slots } = model.blt.config;
  for (const groups of heard) known.push(await knownOf(groups, slots));
  let count = IDS.length;
  const groups = known.map((level) => {
    const found = groupsOf(level, count);
    count = found.groups.length;
    assertGreater(count, 3);
    return found;
  });

  const values = await weights.arena.read("values");
  const exact = new Map([...values].map(([name, data]) => {
    const { shape } = weights.arena.values.get(name)!;
    return [name, { shape, data: Float64Array.from(data) }];
  }));
  const names = new Set(values.keys());
  const expected = lossAndGradients(
    exact,
    (weights) => reference(groups, byReferenceName(weights, names)),
  );
  assertClose(await loss.data(), [expected.loss], TOLERANCE, "loss");
  const gradients = await weights.arena.read("gradients");
  for (const [name, found] of gradients) {
    assertClose(found, expected.grads.get(name)!, TOLERANCE, name);
  }
  return gradients;
}

/** The same for an end-to-end model. */
function assertEndToEnd(
  device: Device,
  model: EndToEndBlt,
): Promise<ReadonlyMap<string, Float32Array>> {
  const { objective, tiny, auxiliaryWeight, grouping, skip } = model.config;
  const { kind } = objective;
  const sizes = {
    body: bodySizes(model.blt),
    tiny: sizesOf(tiny),
    previous: kind === "previous" ? objective.bytes : 0,
    reaches: kind === "next" ? objective.reaches : "all",
    routing: kind === "routing" ? { target: grouping.target } : undefined,
    skip,
    auxiliaryWeight,
  };
  return assertGradients(
    device,
    model,
    ([groups], weights) => endToEndLoss([...IDS], groups!, weights, sizes),
  );
}

const OBJECTIVES: readonly Objective[] = [
  { kind: "previous", bytes: 2 },
  { kind: "next", reaches: "all" },
  { kind: "next", reaches: "branch" },
  { kind: "next", reaches: "head" },
  { kind: "routing" },
];

for (const objective of OBJECTIVES) {
  for (const skip of [true, false]) {
    const reaches = objective.kind === "next" ? `, ${objective.reaches}` : "";
    deviceTest(
      `EndToEndBlt has every gradient of its reference, ${objective.kind}${reaches}${
        skip ? "" : ", no skip"
      }`,
      async (device) => {
        await assertEndToEnd(device, tinyEndToEnd(objective, { skip }));
      },
    );
  }
}

deviceTest(
  "EndToEndBlt learns by routing from the cost of the next byte alone",
  async (device) => {
    const model = tinyEndToEnd({ kind: "routing" }, { auxiliaryWeight: 0 });
    const gradients = await assertEndToEnd(device, model);
    for (const name of ["router.query.weight", "router.key.weight"]) {
      const largest = Math.max(...gradients.get(name)!.map(Math.abs));
      assertGreater(largest, 100 * TOLERANCE.absolute, name);
    }
  },
);

for (const cost of ["total", "rate"] as const) {
  for (const levels of [2, 3]) {
    deviceTest(
      `StackedBlt of ${levels} levels has every gradient of its reference, ${cost}`,
      async (device) => {
        const uncertainty = { kind: "cost", of: cost, weight: 0.7 } as const;
        const model = tinyStacked(
          levels,
          { kind: "static", bytes: 2 },
          uncertainty,
          {
            target: 1.3,
          },
        );
        const sizes = {
          body: bodySizes(model.blt),
          levels: model.config.levels.map(({ trunk, reader, slots }, i) => ({
            trunk: sizesOf(trunk),
            reader: sizesOf(reader),
            slots,
            of: cost,
            // Patches of one byte are wanted, and groups of 1.3 units.
            scale: cost === "total" ? 2 * 1.3 ** i : 2,
            weight: uncertainty.weight,
          })),
        };
        await assertGradients(
          device,
          model,
          (groups, weights) => stackedLoss([...IDS], groups, weights, sizes),
        );
      },
    );
  }
}
