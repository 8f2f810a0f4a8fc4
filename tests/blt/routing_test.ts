import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import {
  Batches,
  encode,
  EndToEndBlt,
  EndToEndSession,
  patchRows,
  placesBefore,
  ratioLoss,
  Router,
  tokenStream,
  Trainer,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  backward,
  type Device,
  noGrad,
  Rng,
  Scope,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { forAll } from "../support/for_all.ts";
import { tinyEndToEnd } from "./tiny_models.ts";

const ROUTING = { kind: "routing" } as const;

deviceTest(
  "Router takes the angle between neighbours for a probability",
  async (device) => {
    const router = new Router(2);
    placeWeights(router, device);
    const latents = [[3, 0], [1, 0], [0, 2], [0, -1], [-1, -1], [5, 5]];
    const { probabilities, gates, confidences } = router.forward(
      Tensor.from(device, [6, 2], latents.flat()),
      {
        ...placesBefore(device, 2),
        first: Tensor.from(device, [6], [0, 0, 0, 0, 1, 0]),
        before: Tensor.from(device, [1, 2], [0, 7]),
      },
    );
    const p = await probabilities.data();
    assertClose(p, [0.5, 0, 0.5, 1, 1, 1], ELEMENTWISE);
    assertEquals(p[4], 1);
    const [least, most] = [1e-4, 1 - 1e-4].map(Math.fround);
    const limited = await gates.data();
    assertClose(limited, [0.5, least!, 0.5, most!, 1, most!], ELEMENTWISE);
    assertEquals(limited[4], 1);
    assertEquals(confidences.shape, [6, 1]);
    assertEquals([...await confidences.data()], Array(6).fill(1));
  },
);

deviceTest(
  "Router compares no byte with one of another document",
  async (device) => {
    const router = new Router(2);
    placeWeights(router, device);
    const latents = Tensor.from(device, [2, 2], [1, 0, 0, 1]);
    const { probabilities } = router.forward(latents, {
      ...placesBefore(device, 2),
      first: Tensor.from(device, [2], [1, 1]),
      before: Tensor.from(device, [1, 2], [1, 0]),
    });
    const seed = Tensor.from(device, [2], [1, 1]);
    const [dlatents] = backward(probabilities, [latents], { seed });
    assertEquals([...await dlatents!.data()].map(Math.abs), [0, 0, 0, 0]);
  },
);

/** Loss of probabilities and its slope in each of them. */
async function ratioOf(
  device: Device,
  values: readonly number[],
  target: number,
): Promise<{ loss: number; slopes: Float32Array }> {
  using _scope = new Scope();
  const p = Tensor.from(device, [values.length], values);
  const loss = ratioLoss(p, target);
  const [slopes] = backward(loss, [p]);
  return { loss: (await loss.data())[0]!, slopes: await slopes!.data() };
}

deviceTest("ratioLoss() is 1 where the target is met", async (device) => {
  for (const target of [2, 4, 5]) {
    // One byte of `target` starts a patch; the mean probability agrees.
    const values = Array.from(
      { length: 4 * target },
      (_, i) => i % target === 0 ? 0.6 : 0.4 / (target - 1),
    );
    const { loss } = await ratioOf(device, values, target);
    assertAlmostEquals(loss, 1, 1e-6);
  }
});

deviceTest(
  "ratioLoss() has its definition's value and slopes",
  async (device) => {
    const cases: { values: number[]; target: number }[] = [];
    forAll(
      (draw) => ({
        values: Array.from(
          { length: draw.integer(1, 90) },
          () => Math.fround(draw.uniform()),
        ),
        target: 1.25 + 6 * draw.uniform(),
      }),
      (it) => cases.push(it),
      device.kind === "cpu" ? 100 : 10,
    );
    for (const { values, target: n } of cases) {
      const f = values.filter((p) => p > 0.5).length / values.length;
      const g = values.reduce((a, b) => a + b, 0) / values.length;
      const scale = n / (n - 1);
      const { loss, slopes } = await ratioOf(device, values, n);
      const expected = scale * ((n - 1) * f * g + (1 - f) * (1 - g));
      assertClose([loss], [expected], ELEMENTWISE);
      const slope = scale * ((n - 1) * f - (1 - f)) / values.length;
      assertClose(slopes, values.map(() => slope), ELEMENTWISE);
    }
  },
);

deviceTest(
  "EndToEndSession has the probabilities of the whole forward pass",
  async (device) => {
    const model = tinyEndToEnd(ROUTING);
    placeWeights(model, device);
    const ids = encode("Call me Ishmael. Some years ago", { eos: false });
    const { sense } = model;
    let expected: Tensor | undefined;
    model.sense = (...given) => {
      const found = sense.call(model, ...given);
      expected = found.scores;
      return found;
    };
    const rows = patchRows({ ids, lengths: [ids.length] }, model.config);
    noGrad(() => model.feed(device, ids.length, { gradient: false })(rows));
    const probabilities = await expected!.data();

    using session = new EndToEndSession(model, device, 0.5);
    for (let at = 0; at < ids.length; at += 3) {
      await session.push(ids.subarray(at, at + 3));
    }
    assertEquals([probabilities[0], session.scores[0]], [1, 1]);
    assertClose(session.scores, probabilities, ELEMENTWISE);
  },
);

const book = new URL("../../data/moby_dick.txt", import.meta.url);
const stream = tokenStream([{
  name: "book",
  bytes: (await Deno.readFile(book)).subarray(5000, 105_000),
}]);

/** Mean bytes in a patch at each step of a training for that above all. */
async function meanPatches(target: number): Promise<number[]> {
  using _scope = new Scope();
  const shape = { rows: 4, context: 128 };
  const { config } = tinyEndToEnd(ROUTING, {
    auxiliaryWeight: 3,
    warmupSteps: 0,
    grouping: { target, most: 32, rule: "above" },
  });
  using trainer = new Trainer(
    new EndToEndBlt(config, new Rng(1)),
    devices[0]!,
    {
      batches: new Batches(stream, shape, new Rng(2)),
      shape,
      schedule: { kind: "constant", peak: 4e-3, warmupSteps: 0 },
    },
  );
  for (let step = 0; step < 60; step++) trainer.step();
  const metrics = await trainer.metrics();
  return metrics.map(({ meanPatchBytes }) => meanPatchBytes);
}

for (const target of [2, 6]) {
  Deno.test(`ratioLoss() moves patches towards ${target} bytes`, async () => {
    const means = await meanPatches(target);
    const last = means.slice(-10).reduce((a, b) => a + b, 0) / 10;
    const error = Math.abs(last / target - 1);
    assertLess(error, 0.15, `${last} bytes`);
    assertLess(
      error,
      Math.abs(means[0]! / target - 1) / 2,
      `${means[0]} bytes`,
    );
  });
}
