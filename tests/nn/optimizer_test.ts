import { assertEquals, assertThrows } from "@std/assert";
import {
  AdamW,
  type Optimizer,
  Parameter,
  placeWeights,
  SGD,
  type Weights,
} from "../../nn/mod.ts";
import type { Device } from "../../tensor/mod.ts";
import { adamW } from "../reference/adamw.ts";
import { assertClose } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

/** Roundings of a few steps. */
const STEPS = { absolute: 1e-6, relative: 1e-5 };

const INITIAL = [1.5, -2, 0.25];

/** Gradients of each step: of norms 5, 0.5, 26 and 0. */
const GRADIENTS = [[3, 0, 4], [0.3, -0.4, 0], [-10, 24, 0], [0, 0, 0]];

const CLIP = 5;

/** Gradients as they are after clipping. */
const CLIPPED = GRADIENTS.map((g) => {
  const norm = Math.hypot(...g);
  return g.map((x) => norm > CLIP ? x * CLIP / norm : x);
});

function place(device: Device): Weights {
  const w = new Parameter([INITIAL.length], Float32Array.from(INITIAL));
  return placeWeights({ w }, device);
}

/** Values after each step; `rate` gives its learning rate. */
async function walk(
  optimizer: Optimizer,
  { arena }: Weights,
  rate: (step: number) => number,
): Promise<number[]> {
  const values: number[] = [];
  for (const [i, gradient] of GRADIENTS.entries()) {
    arena.write("gradients", new Map([["w", Float32Array.from(gradient)]]));
    optimizer.step(rate(i));
    values.push(...(await arena.read("values")).get("w")!);
  }
  return values;
}

deviceTest(
  "AdamW clips, then takes the steps of its definition",
  async (device) => {
    const weights = place(device);
    using optimizer = new AdamW(weights, {
      betas: [0.8, 0.99],
      eps: 1e-3,
      weightDecay: 0.2,
      clip: CLIP,
    });
    const found = await walk(optimizer, weights, () => 0.1);
    assertEquals(optimizer.steps, 4);

    const data = Float64Array.from(INITIAL);
    const settings = {
      lr: 0.1,
      beta1: 0.8,
      beta2: 0.99,
      eps: 1e-3,
      weightDecay: 0.2,
    };
    const update = adamW(new Map([["w", { shape: [3], data }]]), settings);
    const expected = CLIPPED.flatMap((gradient, i) => {
      settings.lr = 0.1 * (i + 1);
      update(new Map([["w", Float64Array.from(gradient)]]));
      return [...data];
    });
    assertClose(found, expected, STEPS);
  },
);

deviceTest(
  "SGD clips, then takes the steps of its definition",
  async (device) => {
    const weights = place(device);
    using optimizer = new SGD(weights, {
      momentum: 0.9,
      weightDecay: 0.2,
      clip: CLIP,
    });
    const found = await walk(optimizer, weights, (i) => 0.1 * (i + 1));
    assertEquals(optimizer.steps, 4);
    const x = [...INITIAL];
    const m = INITIAL.map(() => 0);
    const expected = CLIPPED.flatMap((gradient, i) => {
      x.forEach((value, j) => {
        m[j] = 0.9 * m[j]! + gradient[j]! + 0.2 * value;
        x[j] = value - 0.1 * (i + 1) * m[j]!;
      });
      return [...x];
    });
    assertClose(found, expected, STEPS);
  },
);

deviceTest("AdamW and SGD have their defaults", async (device) => {
  const [own, told, steepest, plain] = Array.from(
    { length: 4 },
    () => place(device),
  );
  using adamW = new AdamW(own!);
  using adamWAs = new AdamW(told!, {
    betas: [0.9, 0.95],
    eps: 1e-8,
    weightDecay: 0.1,
    clip: Infinity,
  });
  using sgd = new SGD(steepest!);
  using sgdAs = new SGD(plain!, {
    momentum: 0,
    weightDecay: 0,
    clip: Infinity,
  });
  // So small that the default eps counts.
  const gradient = new Map([["w", Float32Array.of(1e-8, -3e-8, 5)]]);
  for (const weights of [own!, told!, steepest!, plain!]) {
    weights.arena.write("gradients", gradient);
  }
  for (const optimizer of [adamW, adamWAs, sgd, sgdAs]) {
    for (let step = 0; step < 3; step++) optimizer.step(0.1);
  }
  const values = ({ arena }: Weights): Promise<Map<string, Float32Array>> =>
    arena.read("values");
  assertEquals(await values(own!), await values(told!));
  assertEquals(await values(steepest!), await values(plain!));
});

for (
  const [name, make] of [
    ["AdamW", (weights: Weights): Optimizer => new AdamW(weights)],
    [
      "SGD",
      (weights: Weights): Optimizer => new SGD(weights, { momentum: 0.9 }),
    ],
  ] as const
) {
  deviceTest(`${name} steps by replayed launches`, async (device) => {
    const [stepped, replayed] = [place(device), place(device)];
    using expected = make(stepped);
    using optimizer = make(replayed);
    using owned = new DisposableStack();
    let update = (): void => optimizer.update(); // makes the averages
    optimizer.step = (lr): void => {
      optimizer.prepare(lr);
      update();
      if (optimizer.steps > 1) return;
      update = (): void => {
        const capture = owned.use(device.capture(() => optimizer.update()));
        update = (): void => capture.replay();
      };
    };
    const rate = (i: number): number => 0.1 * (i + 1);
    assertEquals(
      await walk(optimizer, replayed, rate),
      await walk(expected, stepped, rate),
    );
  });

  deviceTest(`${name} skips a gradient that is not finite`, async (device) => {
    const weights = place(device);
    const { arena } = weights;
    using optimizer = make(weights);
    const { norm, scale, skipped } = optimizer.gradNorm;
    for (const strange of [NaN, Infinity]) {
      arena.write(
        "gradients",
        new Map([["w", Float32Array.of(1, strange, 1)]]),
      );
      optimizer.step(0.1);
    }
    assertEquals([...(await arena.read("values")).get("w")!], INITIAL);
    for (const plane of optimizer.planes) {
      assertEquals([...(await arena.read(plane)).get("w")!], [0, 0, 0]);
    }
    assertEquals([...await skipped.data(), ...await scale.data()], [2, 0]);
    arena.write("gradients", new Map([["w", Float32Array.of(3, 0, 4)]]));
    optimizer.step(0.1);
    assertEquals([...await skipped.data(), ...await scale.data()], [2, 1]);
    assertEquals([...await norm.data()], [5]);
  });
}

for (const clip of [1, Infinity]) {
  deviceTest(
    `AdamW steps by gradients of 1e38, clipped to ${clip}`,
    async (device) => {
      const weights = place(device);
      const { arena } = weights;
      using optimizer = new AdamW(weights, { clip, weightDecay: 0 });
      const walked: number[][] = [];
      for (const gradient of [[2e38, -1e38, 2e37], [1e-3, 1e-3, -1e-3]]) {
        const found = Float32Array.from(gradient);
        arena.write("gradients", new Map([["w", found]]));
        optimizer.step(0.1);
        walked.push([...(await arena.read("values")).get("w")!]);
      }
      // The first step is the learning rate, whatever the gradient.
      const moved = walked[0]!.map((x, i) => x - INITIAL[i]!);
      assertClose(moved, [-0.1, 0.1, -0.1], { absolute: 1e-2, relative: 0 });
      assertEquals(walked.flat().every(Number.isFinite), true);
      const averages = await arena.read("v");
      assertEquals([...averages.get("w")!].every(Number.isFinite), true);
      assertEquals([...await optimizer.gradNorm.skipped.data()], [0]);
    },
  );
}

deviceTest("SGD steps by gradients of 1e20", async (device) => {
  const weights = place(device);
  const gradient = Float32Array.of(1e20, -1e20, 0);
  for (
    const [clip, by] of [[1, [-Math.SQRT1_2, Math.SQRT1_2, 0]], [Infinity, [
      -1e20,
      1e20,
      0,
    ]]] as const
  ) {
    weights.arena.write("values", new Map([["w", Float32Array.from(INITIAL)]]));
    weights.arena.write("gradients", new Map([["w", gradient]]));
    using optimizer = new SGD(weights, { clip });
    optimizer.step(1);
    const found = (await weights.arena.read("values")).get("w")!;
    assertClose(found, INITIAL.map((x, i) => x + by[i]!), STEPS);
  }
});

deviceTest("AdamW resumes from its planes and steps", async (device) => {
  const [whole, half] = [place(device), place(device)];
  using first = new AdamW(whole);
  using second = new AdamW(half);
  const gradient = new Map([["w", Float32Array.of(1, -2, 3)]]);
  for (const { arena } of [whole, half]) arena.write("gradients", gradient);
  first.step(0.1);
  for (const plane of ["values", ...second.planes]) {
    half.arena.write(plane, await whole.arena.read(plane));
  }
  second.steps = first.steps;
  first.step(0.1);
  second.step(0.1);
  for (const plane of ["values", "m", "v"]) {
    assertEquals(await half.arena.read(plane), await whole.arena.read(plane));
  }
});

deviceTest("AdamW wants two betas", (device) => {
  const model = { w: new Parameter([1], Float32Array.of(1)) };
  const weights = placeWeights(model, device);
  for (const betas of [[0.9], [0.9, 0.9, 0.9], []]) {
    assertThrows(
      () => new AdamW(weights, { betas: betas as unknown as [number, number] }),
      RangeError,
      "count of betas",
    );
  }
});
