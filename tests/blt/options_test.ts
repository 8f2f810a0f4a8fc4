import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  describeModel,
  modelsOf,
  planOf,
  PRESET_NAMES,
  resumedPlan,
  type TrainOptions,
} from "../../blt/mod.ts";

const OPTIONS: TrainOptions = {
  model: "blt",
  preset: "nano",
  patcher: "entropy",
  patchBytes: 4.5,
  seed: 1,
};

Deno.test("planOf() keeps what was decided and fills in the rest", () => {
  const decided = { ...OPTIONS, steps: 33, batch: 2, saveEvery: 5 };
  const plan = planOf(decided);
  assertEquals({ ...plan, ...decided }, plan);
  assertEquals(plan.evalEvery, 33);
  const { lr, entropyLr, entropySteps, context } = plan;
  for (const value of [lr, entropyLr, entropySteps, context]) {
    assert(value > 0);
  }
});

Deno.test("planOf() trains each preset by its recipe", () => {
  const recipes = PRESET_NAMES.map((preset) => {
    const { steps, batch, context, lr, entropySteps, entropyLr } = planOf({
      ...OPTIONS,
      preset,
    });
    return [preset, steps, batch, context, lr, entropySteps, entropyLr];
  });
  assertEquals(recipes, [
    ["nano", 800, 8, 512, 4e-3, 300, 6e-3],
    ["micro", 2000, 8, 512, 2e-3, 600, 4e-3],
    ["mini", 10_000, 16, 1024, 1e-3, 2000, 2e-3],
    ["stories", 20_000, 24, 1024, 5e-4, 5000, 2e-3],
  ]);
  const { objective, skip, levels, uncertainty, unitsPerGroup, rule, storage } =
    planOf(OPTIONS);
  assertEquals(
    [objective, skip, levels, uncertainty, unitsPerGroup, rule, storage],
    ["next", true, 2, "total", 4, "above", "f32"],
  );
  assertEquals(planOf({ ...OPTIONS, steps: 20 }).entropySteps, 20);
});

Deno.test("modelsOf() starts an end-to-end model with static patches", () => {
  const warmups = [1, 9, 11, 4999, 20_000].map((steps) => {
    const plan = planOf({ ...OPTIONS, model: "end-to-end", steps });
    const { model } = modelsOf(plan);
    assert(model.kind === "end-to-end");
    return model.warmupSteps;
  });
  assertEquals(warmups, [1, 1, 2, 500, 500]);
});

Deno.test("modelsOf() limits patches to four times what is wanted", () => {
  const patchers = (patcher: TrainOptions["patcher"]): unknown[] =>
    [1.5, 4, 4.5].map((patchBytes) => {
      const { model } = modelsOf(planOf({ ...OPTIONS, patcher, patchBytes }));
      return model.kind === "blt" && model.patcher;
    });
  for (const kind of ["entropy", "relative"] as const) {
    assertEquals(
      patchers(kind),
      [16, 16, 18].map((maxBytes) => ({ kind, threshold: 0, maxBytes })),
    );
  }
  assertEquals(
    patchers("space"),
    [16, 16, 18].map((maxBytes) => ({ kind: "space", maxBytes })),
  );
  assertEquals(
    patchers("static"),
    [2, 4, 5].map((bytes) => ({ kind: "static", bytes })),
  );
  assertEquals(patchers("byte"), Array(3).fill({ kind: "byte" }));
});

Deno.test("modelsOf() weighs the loss of forecast costs", () => {
  const uncertainties = (["total", "rate", "fixed"] as const).map(
    (uncertainty) => {
      const plan = planOf({ ...OPTIONS, model: "stacked", uncertainty });
      const { model } = modelsOf(plan);
      return model.kind === "stacked" && model.levels[0]!.uncertainty;
    },
  );
  assertEquals(uncertainties, [
    { kind: "cost", of: "total", weight: 0.1 },
    { kind: "cost", of: "rate", weight: 0.1 },
    { kind: "fixed" },
  ]);
});

Deno.test("planOf() saves ten times", () => {
  const saves = [1, 9, 10, 33].map((steps) =>
    planOf({ ...OPTIONS, steps }).saveEvery
  );
  assertEquals(saves, [1, 1, 1, 4]);
});

Deno.test("planOf() refuses batches that no device holds", () => {
  const most = { batch: 2 ** 12, context: 2 ** 12 };
  assertEquals(planOf({ ...OPTIONS, ...most }).batch, 4096);
  assertThrows(
    () => planOf({ ...OPTIONS, ...most, batch: 4097 }),
    RangeError,
    "Cannot train: batch x context must be at most 16777216 ids, got 16781312",
  );
});

Deno.test("planOf() refuses numbers out of range", () => {
  const counts = [
    ...["steps", "entropySteps", "batch", "context"],
    ...["evalEvery", "saveEvery"],
  ];
  const bad: [string, number][] = [
    ...counts.flatMap((name): [string, number][] =>
      [0, -1, 2.5, NaN, Infinity].map((value) => [name, value])
    ),
    ["patchBytes", 0.9],
    ["patchBytes", NaN],
    ["patchBytes", Infinity],
    ...[0, -1, NaN, Infinity].map((
      value,
    ): [string, number] => ["entropyLr", value]),
    ["lr", 0],
    ["lr", -1],
    ["lr", NaN],
    ["lr", Infinity],
    ["seed", 0.5],
    ["seed", NaN],
  ];
  for (const [name, value] of bad) {
    const { message } = assertThrows(
      () => planOf({ ...OPTIONS, [name]: value }),
      RangeError,
      `Cannot train: ${name} must be `,
    );
    assert(message.endsWith(`, got ${value}`), message);
  }
});

Deno.test("planOf() refuses levels and groups that cannot be", () => {
  for (const levels of [0, 4, 1.5]) {
    assertThrows(
      () => planOf({ ...OPTIONS, model: "stacked", levels }),
      RangeError,
      `Cannot train: levels must be 1, 2 or 3, got ${levels}`,
    );
  }
  for (const unitsPerGroup of [0.9, NaN, Infinity]) {
    assertThrows(
      () => planOf({ ...OPTIONS, model: "stacked", unitsPerGroup }),
      RangeError,
      `Cannot train: unitsPerGroup must be a number >= 1, got ${unitsPerGroup}`,
    );
  }
  assertThrows(
    () => planOf({ ...OPTIONS, patcher: "space", uncertainty: "seam" }),
    RangeError,
    "uncertainty seam needs patches from an entropy model, got patcher space",
  );
});

Deno.test("resumedPlan() changes what may change, and refuses the rest", () => {
  const before = planOf({ ...OPTIONS, steps: 20 });
  const early = { modelBegun: false };
  const late = { modelBegun: true };
  assertEquals(resumedPlan(before, OPTIONS, late), before);
  assertEquals(resumedPlan(before, { ...OPTIONS, lr: 1e-5 }, late), {
    ...before,
    lr: 1e-5,
  });
  for (const change of [{ patchBytes: 2 }, { entropyLr: 1e-5 }]) {
    const options = { ...OPTIONS, ...change };
    assertEquals(resumedPlan(before, options, early), { ...before, ...change });
    assertThrows(
      () => resumedPlan(before, options, late),
      RangeError,
      "since the training of the model has begun with it",
    );
  }
  assertThrows(
    () => resumedPlan(before, { ...OPTIONS, steps: 21 }, early),
    RangeError,
    "Cannot resume the run: expected steps 20, with which it was started, got 21",
  );
  assertThrows(
    () => resumedPlan(before, { ...OPTIONS, lr: 0 }, early),
    RangeError,
    "lr must be a number > 0, got 0",
  );
});

Deno.test("modelsOf() makes patches by the objective", () => {
  const cases = [
    [{ kind: "previous", bytes: 3 }, "previous bytes", 0.3],
    [{ kind: "next", reaches: "all" }, "next bytes", 0.3],
    [{ kind: "routing" }, "routing", 0.03],
  ] as const;
  for (const [objective, words, weight] of cases) {
    const { kind } = objective;
    const plan = planOf({ ...OPTIONS, model: "end-to-end", objective: kind });
    const { model } = modelsOf(plan);
    assert(model.kind === "end-to-end");
    assertEquals(model.objective, objective);
    assertEquals(model.auxiliaryWeight, weight);
    assertEquals(
      describeModel(model, plan.preset),
      `end-to-end BLT nano by ${words}`,
    );
  }
});

Deno.test("planOf() names the words that it knows", () => {
  for (const name of ["model", "preset", "patcher"] as const) {
    for (const word of ["foo", undefined, "toString"]) {
      const options = { ...OPTIONS, [name]: word } as TrainOptions;
      assertThrows(
        () => planOf(options),
        RangeError,
        `Cannot train: ${name} must be one of `,
      );
    }
  }
});
