import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  AdamW,
  Linear,
  Parameter,
  placeWeights,
  SGD,
  type WeightStorage,
} from "../../nn/mod.ts";
import {
  type Device,
  DisposedError,
  matmul,
  mul,
  Replay,
  reshape,
  Rng,
  Scope,
  sizeOf,
  sub,
  sum,
  Tensor,
} from "../../tensor/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

/** Two parameters, of which a loss may use one. */
function pair(): { a: Parameter; b: Parameter } {
  return {
    a: new Parameter([2], Float32Array.of(3, 5)),
    b: new Parameter([3], Float32Array.of(1, 1, 1)),
  };
}

deviceTest(
  "placeWeights() puts parameters on a device, once",
  async (device) => {
    const { liveBytes } = device.memory;
    const model = pair();
    {
      using weights = placeWeights(model, device);
      assertEquals([...await model.a.value.data()], [3, 5]);
      assertEquals([...weights.arena.values.keys()], ["a", "b"]);
      assertThrows(
        () => placeWeights(model, device),
        ReferenceError,
        "Cannot read the initial numbers of a parameter: it is on a device",
      );
    }
    assertEquals(device.memory.liveBytes, liveBytes);
  },
);

deviceTest(
  "Weights.backward() replaces gradients, zeros where there are none",
  async (device) => {
    const model = pair();
    const weights = placeWeights(model, device);
    weights.backward(sum(mul(model.b.value, model.b.value)));
    for (let i = 0; i < 2; i++) {
      weights.backward(sum(mul(model.a.value, model.a.value)));
      const found = await weights.arena.read("gradients");
      assertEquals([...found.get("a")!], [6, 10]);
      assertEquals([...found.get("b")!], [0, 0, 0]);
    }
  },
);

deviceTest(
  "placeWeights() decays and scales single parameters",
  async (device) => {
    const model = pair();
    const weights = placeWeights(model, device, {
      decays: (name, { size }) => name === "a" && size === 2,
      lrScale: (name) => name === "b" ? 0.5 : 1,
    });
    using optimizer = new AdamW(weights, { weightDecay: 0.1 });
    {
      using _step = new Scope();
      weights.backward(sum(model.b.value));
    }
    optimizer.step(0.5);
    const found = await weights.arena.read("values");
    assertClose(found.get("a")!, [2.85, 4.75], ELEMENTWISE);
    assertClose(found.get("b")!, [0.75, 0.75, 0.75], ELEMENTWISE);
  },
);

/** Losses of 20 steps of two layers towards random numbers. */
async function train(
  device: Device,
  storage: WeightStorage,
): Promise<number[]> {
  const rng = new Rng(7);
  const numbers = (rows: number, columns: number): Tensor =>
    Tensor.from(
      device,
      [rows, columns],
      Array.from({ length: rows * columns }, () => 2 * rng.uniform() - 1),
    );
  const model = {
    up: new Linear(8, 32, { rng }),
    down: new Linear(32, 4, { rng }),
  };
  const weights = placeWeights(model, device, { storage });
  using optimizer = new AdamW(weights);
  const [x, y] = [numbers(16, 8), numbers(16, 4)];
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    using _step = new Scope();
    const hidden = model.up.forward(x, { activation: (v) => v.tanh() });
    const wrong = sub(model.down.forward(hidden), y);
    const loss = mul(sum(mul(wrong, wrong)), 1 / 64);
    weights.backward(loss);
    optimizer.step(0.01);
    losses.push(...await loss.data());
  }
  return losses;
}

deviceTest(
  "placeWeights() trains alike, and the same, with weights in f16",
  async (device) => {
    const halves = await train(device, "f16");
    assertEquals(await train(device, "f16"), halves);
    const exact = await train(device, "f32");
    assertNotEquals(halves, exact);
    // Weights of size 1 / 8 are off by 3e-5, losses by their sum.
    assertClose(halves, exact, { absolute: 1e-3, relative: 0 });
  },
  { halves: true },
);

deviceTest(
  "placeWeights() in f16 follows what the optimizer does",
  async (device) => {
    const layer = new Linear(3, 2, { rng: new Rng(0) });
    const weights = placeWeights(layer, device, { storage: "f16" });
    const gradient = new Map([["weight", new Float32Array(6).fill(1)]]);
    weights.arena.write("gradients", gradient);
    for (const optimizer of [new AdamW(weights), new SGD(weights)]) {
      using _optimizer = optimizer;
      optimizer.step(0.1);
      const [bytes] = await device.read([layer.weight.value.half!]);
      assertEquals(
        Float32Array.from(new Float16Array(bytes!)),
        (await layer.weight.value.data()).map(Math.f16round),
      );
    }
  },
  { halves: true },
);

deviceTest(
  "placeWeights() has panels read by products of few rows, and no others",
  async (device) => {
    const layer = new Linear(70, 32, { rng: new Rng(0) });
    placeWeights(layer, device, { panels: true });
    const { value: w } = layer.weight;
    const ones = (...shape: number[]): Tensor =>
      Tensor.from(device, shape, new Float32Array(sizeOf(shape)).fill(1));
    const kernels = async (run: () => Tensor): Promise<string[]> => {
      const times = await device.profile(() => void run());
      return times.map(({ kernel }) => kernel);
    };
    const panels = device.kind === "cpu" ? ["panels", "matmul_np"] : [];
    const forward = (rows: number): Promise<string[]> =>
      kernels(() => layer.forward(ones(rows, 70)));
    if (panels.length > 0) {
      assertEquals((await forward(1)).toSorted(), panels.toSorted());
      assertEquals(await forward(4), ["matmul_np"]);
    }
    assertEquals((await forward(5)).includes("matmul_np"), false);

    // Another shape, and a left operand that is transposed, have none.
    const rows = await w.data();
    const sumOf = (indices: number[]): number =>
      indices.reduce((sum, i) => sum + rows[i]!, 0);
    const [first = NaN] = await matmul(ones(1, 32), reshape(w, [70, 32]), {
      transposeB: true,
    }).data();
    const near = { absolute: 1e-5, relative: 1e-5 };
    const count = (length: number): number[] =>
      Array.from({ length }, (_, i) => i);
    assertClose([first], [sumOf(count(32))], near);
    const [second = NaN] = await matmul(ones(70, 1), w, {
      transposeA: true,
      transposeB: true,
    }).data();
    assertClose([second], [sumOf(count(70))], near);
  },
);

deviceTest("Panels follow updates that are replayed", async (device) => {
  const layer = new Linear(8, 3, { rng: new Rng(0) });
  const weights = placeWeights(layer, device, { panels: true });
  using optimizer = new SGD(weights);
  using steps = new Replay(device, (x: Tensor) => {
    const loss = sum(layer.forward(x));
    weights.backward(loss);
    optimizer.update();
    return [loss];
  });
  const one = Tensor.from(device, [1, 8], new Float32Array(8).fill(1));
  for (let i = 0; i < 4; i++) {
    const [loss] = steps.run(() => {
      optimizer.prepare(0.1);
      return Tensor.from(device, [5, 8], new Float32Array(40).fill(1));
    });
    const found = await sum(layer.forward(one)).data();
    const expected = await sum(layer.weight.value).data();
    assertClose(found, expected, { absolute: 1e-5, relative: 1e-5 });
    assertEquals((await loss!.data()).length, 1);
  }
});

deviceTest(
  "placeWeights() with panels gives the same bits, also after an update",
  async (device) => {
    const outputs = async (panels: boolean): Promise<Float32Array[]> => {
      const layer = new Linear(70, 37, { rng: new Rng(0), bias: true });
      const weights = placeWeights(layer, device, { panels });
      using optimizer = new SGD(weights);
      const x = Tensor.from(device, [1, 70], new Float32Array(70).fill(0.1));
      const before = layer.forward(x);
      assertEquals(
        layer.weight.value.panels !== undefined,
        panels && device.kind === "cpu",
      );
      weights.backward(sum(before));
      optimizer.step(0.1);
      return [await before.data(), await layer.forward(x).data()];
    };
    const [before, after] = await outputs(true);
    assertNotEquals(before, after);
    assertEquals([before, after], await outputs(false));
  },
);

deviceTest(
  "placeWeights() decays everything, at the full rate, unless told",
  async (device) => {
    const [own, told] = [pair(), pair()];
    using weights = placeWeights(own, device);
    using as = placeWeights(told, device, {
      decays: () => true,
      lrScale: () => 1,
      storage: "f32",
    });
    const gradients = new Map([
      ["a", Float32Array.of(1, 2)],
      ["b", Float32Array.of(3, 4, 5)],
    ]);
    for (const { arena } of [weights, as]) arena.write("gradients", gradients);
    using first = new SGD(weights, { weightDecay: 0.5 });
    using second = new SGD(as, { weightDecay: 0.5 });
    first.step(0.1);
    second.step(0.1);
    assertEquals(
      await weights.arena.read("values"),
      await as.arena.read("values"),
    );
  },
);

deviceTest("Weights that were freed are not made anew", async (device) => {
  const model = pair();
  const weights = placeWeights(model, device);
  using adam = new AdamW(weights);
  weights[Symbol.dispose]();
  const { liveBytes } = device.memory;
  assertThrows(() => adam.step(0.1), DisposedError);
  assertThrows(() => weights.arena.gradients, DisposedError);
  await assertRejects(() => weights.arena.read("values"), DisposedError);
  assertThrows(() => model.a.value.storage, DisposedError);
  assertEquals(device.memory.liveBytes, liveBytes);
});

deviceTest("placeWeights() refuses a parameter of nothing", (device) => {
  const { liveBytes } = device.memory;
  const model = {
    none: new Parameter([0], new Float32Array()),
    some: new Parameter([1], Float32Array.of(1)),
  };
  {
    using _scope = new Scope();
    assertThrows(() => placeWeights(model, device), RangeError, "place none");
  }
  assertEquals(device.memory.liveBytes, liveBytes);
});
