import {
  argmax,
  backward,
  clamp,
  crossEntropy,
  entropy,
  fuse,
  logSumExp,
  max,
  maximum,
  minimum,
  mul,
  pow,
  relu,
  reshape,
  segmentMax,
  segmentMin,
  Segments,
  sigmoid,
  silu,
  softmax,
  sqrt,
  sum,
  tanh,
  Tensor,
  where,
} from "../../tensor/mod.ts";
import { assertEquals } from "@std/assert";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";

const INF = Infinity;
/** The lowest f32, which masks logits where -Infinity does not. */
const LOW = -3.4028234663852886e38;
const SUBNORMAL = 2 ** -140;

/** A function of one tensor, where it is called, its value and gradient. */
type Case = readonly [
  name: string,
  run: (x: Tensor) => Tensor,
  x: readonly number[],
  y: readonly number[],
  dx: readonly number[],
];

const segmentsOf = (x: Tensor): Segments =>
  Segments.fromIds(x.device, new Uint32Array(x.size), 1);
const column = (x: Tensor): Tensor => reshape(x, [x.size, 1]);
const classOf = (x: Tensor, target: number): Tensor =>
  crossEntropy(
    reshape(x, [1, x.size]),
    Tensor.from(x.device, [1], Uint32Array.of(target)),
  );

/**
 * As PyTorch has them, but for the gradient of `maximum` and `minimum` beside
 * NaN, which goes to the second operand. Gradients are those of the sum.
 */
const CASES: readonly Case[] = [
  ["relu", relu, [NaN, INF, -INF, -1, 2], [NaN, INF, 0, 0, 2], [1, 1, 0, 0, 1]],
  [
    "relu of 0 times Infinity",
    (x) => mul(relu(x), INF),
    [-1, 2],
    [NaN, INF],
    [0, INF],
  ],
  [
    "clamp",
    (x) => clamp(x, -1, 1),
    [NaN, INF, -INF, 0.5, 1],
    [NaN, 1, -1, 0.5, 1],
    [0, 0, 0, 1, 1],
  ],
  ["maximum", (x) => maximum(x, 0), [NaN, -INF, INF, 1], [NaN, 0, INF, 1], [
    0,
    0,
    1,
    1,
  ]],
  ["minimum", (x) => minimum(x, 0), [NaN, -INF, INF, -1], [NaN, -INF, 0, -1], [
    0,
    1,
    0,
    1,
  ]],
  ["tanh", tanh, [NaN, INF, -INF], [NaN, 1, -1], [NaN, 0, 0]],
  ["sigmoid", sigmoid, [NaN, INF, -INF, LOW], [NaN, 1, 0, 0], [NaN, 0, 0, 0]],
  ["silu", silu, [NaN, LOW, -INF], [NaN, 0, NaN], [NaN, 0, NaN]],
  ["sqrt", sqrt, [NaN, INF, -1, -INF], [NaN, INF, NaN, NaN], [
    NaN,
    0,
    NaN,
    NaN,
  ]],
  [
    "where",
    (x) => where(x, mul(x, 0), 3),
    [NaN, INF, 0, 2],
    [NaN, NaN, 3, 0],
    [0, 0, 0, 0],
  ],
  ["max with NaN", max, [1, NaN, 3, NaN], [NaN], [0, 1, 0, 0]],
  ["max of -Infinity", max, [-INF, -INF], [-INF], [1, 0]],
  [
    "segmentMax",
    (x) => segmentMax(column(x), segmentsOf(x)),
    [1, NaN, 3, NaN],
    [NaN],
    [0, 1, 0, 0],
  ],
  [
    "segmentMin",
    (x) => segmentMin(column(x), segmentsOf(x)),
    [NaN, -INF, 3],
    [NaN],
    [1, 0, 0],
  ],
  ["softmax beside -Infinity", softmax, [0, -INF, 0], [.5, 0, .5], [0, 0, 0]],
  ["softmax beside Infinity", softmax, [0, INF], [NaN, NaN], [NaN, NaN]],
  ["softmax of -Infinity", softmax, [-INF, -INF], [NaN, NaN], [NaN, NaN]],
  ["softmax of the lowest", softmax, [LOW, LOW], [.5, .5], [0, 0]],
  ["softmax beside the lowest", softmax, [LOW, 1, 1], [0, .5, .5], [0, 0, 0]],
  [
    "logSumExp beside -Infinity",
    logSumExp,
    [0, -INF, 0],
    [Math.LN2],
    [.5, 0, .5],
  ],
  ["logSumExp of -Infinity", logSumExp, [-INF, -INF], [-INF], [NaN, NaN]],
  ["logSumExp beside Infinity", logSumExp, [0, INF], [INF], [0, NaN]],
  ["logSumExp of the lowest", logSumExp, [LOW, LOW], [LOW], [.5, .5]],
  [
    "entropy beside -Infinity",
    entropy,
    [0, 0, -INF],
    [Math.LN2],
    [0, 0, 0],
  ],
  ["entropy beside the lowest", entropy, [LOW, 0, 0], [Math.LN2], [0, 0, 0]],
  ["entropy of the lowest", entropy, [LOW, LOW], [Math.LN2], [0, 0]],
  ["entropy with NaN", entropy, [0, NaN], [NaN], [NaN, NaN]],
  [
    "crossEntropy beside -Infinity",
    (x) => classOf(x, 0),
    [0, 0, -INF],
    [Math.LN2],
    [-.5, .5, 0],
  ],
  [
    "crossEntropy at -Infinity",
    (x) => classOf(x, 2),
    [0, 0, -INF],
    [INF],
    [.5, .5, -1],
  ],
  [
    "crossEntropy of the lowest",
    (x) => classOf(x, 1),
    [LOW, LOW, LOW, LOW],
    [Math.log(4)],
    [.25, -.75, .25, .25],
  ],
  [
    "crossEntropy of a masked target with NaN",
    (x) => classOf(x, 9),
    [NaN, INF],
    [0],
    [0, 0],
  ],
  ["pow of 65", (x) => pow(x, 65), [-1, NaN, -INF, 0], [-1, NaN, -INF, 0], [
    65,
    NaN,
    INF,
    0,
  ]],
  ["pow of 100", (x) => pow(x, 100), [-1, -INF, 0], [1, INF, 0], [
    -100,
    -INF,
    0,
  ]],
  ["pow of -65", (x) => pow(x, -65), [-1, -INF, 0, -0], [-1, 0, INF, -INF], [
    -65,
    0,
    -INF,
    -INF,
  ]],
  ["pow of -1.5", (x) => pow(x, -1.5), [4, -1, INF, 0], [.125, NaN, 0, INF], [
    -0.046875,
    NaN,
    0,
    -INF,
  ]],
  ["pow of 0", (x) => pow(x, 0), [NaN, -1, 0], [1, 1, 1], [0, 0, 0]],
];

for (const [name, run, values, y, dx] of CASES) {
  deviceTest(
    `${name} of special numbers has its value and its gradient`,
    async (device) => {
      const x = Tensor.from(device, [values.length], values);
      const out = run(x);
      assertClose(await out.data(), y, ELEMENTWISE);
      const [grad] = backward(sum(out), [x]);
      const found = grad ? await grad.data() : dx.map(() => 0);
      assertClose(found, dx, ELEMENTWISE, "gradient of element");
    },
  );
}

deviceTest("argmax() gives the first NaN, wherever it is", async (device) => {
  for (const size of [1, 2, 64, 65, 5000, 70_000]) {
    for (const places of [[0], [size - 1], [size >> 1, size - 1], []]) {
      const values = Float32Array.from({ length: size }, (_, i) => i % 7);
      for (const place of places) values[place] = NaN;
      const x = Tensor.from(device, [size], values);
      const expected = places[0] ?? Math.min(6, size - 1);
      assertEquals([...await argmax(x).indices()], [expected]);
      const [largest] = await max(x).data();
      assertEquals(largest, places.length > 0 ? NaN : values[expected]);
    }
  }
});

deviceTest(
  "numbers below the least normal one count as they are or as 0",
  async (device) => {
    const x = Tensor.from(device, [2], [SUBNORMAL, -SUBNORMAL]);
    const results = await mul(x, 2 ** 100).data();
    const kept = 2 ** -40;
    const expected = device.kind === "cpu" || results[0] === kept
      ? [kept, -kept]
      : [0, -0];
    assertEquals([...results], expected);
    assertClose(await relu(x).data(), [SUBNORMAL, 0], ELEMENTWISE);
  },
);

deviceTest(
  "max and min of NaN and its negative, in one expression",
  async (device) => {
    const x = Tensor.from(device, [2], [NaN, 3]);
    const most = fuse("most_of_both", (x) => x.max(x.neg()));
    const least = fuse("least_of_both", (x) => x.neg().min(x));
    assertEquals([...await most(x).data()], [NaN, 3]);
    assertEquals([...await least(x).data()], [NaN, -3]);
  },
);
