import { assert, assertEquals } from "@std/assert";
import {
  encode,
  type LanguageModel,
  openSession,
  type PatcherConfig,
  patchRows,
  type Uncertainty,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, noGrad, Scope } from "../../tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { tinyEndToEnd, tinyStacked } from "./new_models.ts";

const TEXT = encode("Call me Ishmael. Some years ago, naïve 鯨!", {
  eos: false,
});

async function whole(
  device: Device,
  model: LanguageModel,
): Promise<Float32Array> {
  using _scope = new Scope();
  const rows = { ids: TEXT, lengths: [TEXT.length] };
  const feed = model.feed(device, TEXT.length, { gradient: false });
  return await noGrad(() => feed(patchRows(rows, model.config))).data();
}

/** Prompts of one piece, of many, and cut in the middle of a patch. */
async function check(device: Device, model: LanguageModel): Promise<void> {
  const expected = await whole(device, model);
  for (const prompt of [1, 4, 30]) {
    using _scope = new Scope();
    const trained = { model, entropyModel: undefined, device };
    const session = await openSession(trained);
    for (let p = prompt; p <= TEXT.length; p++) {
      const from = p === prompt ? 0 : p - 1;
      const logits = await session.push(TEXT.subarray(from, p));
      const row = expected.subarray(260 * (p - 1), 260 * p);
      assertClose(logits, row, { absolute: 2e-4, relative: 2e-4 }, `${p}`);
    }
  }
}

for (const kind of ["previous", "next"] as const) {
  deviceTest(
    `EndToEndSession equals the whole forward pass, ${kind}`,
    async (device) => {
      const model = kind === "previous"
        ? tinyEndToEnd({ kind, bytes: 2 })
        : tinyEndToEnd({ kind, reaches: "branch" });
      const weights = placeWeights(model, device);
      const values = await weights.arena.read("values");
      values.set("threshold", Float32Array.of(5.35, 1));
      weights.arena.write("values", values);
      await check(device, model);
    },
  );
}

const CASES: readonly [PatcherConfig, Uncertainty, number][] = [
  [{ kind: "static", bytes: 2 }, { kind: "cost", of: "rate", weight: 1 }, 0.9],
  [{ kind: "space" }, { kind: "fixed" }, 0],
  [{ kind: "byte" }, { kind: "cost", of: "total", weight: 1 }, 0.7],
];

for (const [patcher, uncertainty, threshold] of CASES) {
  for (const levels of [1, 2, 3]) {
    deviceTest(
      `a session of ${levels} levels equals the whole forward pass, ${patcher.kind} patches, ${uncertainty.kind}`,
      async (device) => {
        const model = tinyStacked(levels, patcher, uncertainty);
        const weights = placeWeights(model, device);
        const values = await weights.arena.read("values");
        for (const name of values.keys()) {
          if (!name.endsWith("threshold")) continue;
          values.set(name, Float32Array.of(threshold, 1));
        }
        weights.arena.write("values", values);
        await check(device, model);
        assert(model.levels.length === levels - 1);
        assertEquals(model.metricNames.length, 2 * (levels - 1));
      },
    );
  }
}
