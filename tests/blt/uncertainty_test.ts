import { assertAlmostEquals, assertEquals } from "@std/assert";
import { byteCosts, CostHead, groupCosts } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { backward, Rng, Segments, sum, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import { assertClose } from "../support/close.ts";

const OPTIONS = { of: "total", unitBytes: 4, rng: new Rng(1) } as const;

deviceTest("byteCosts() is paid one position earlier", async (device) => {
  const nats = Tensor.from(device, [4], [1, 2, 3, 4]);
  const { costs, bytes } = byteCosts(nats);
  assertEquals([...await costs.data()], [0, 1, 2, 3]);
  assertEquals([...await bytes.data()], [1, 1, 1, 1]);
});

deviceTest("groupCosts() adds what units cost", async (device) => {
  const units = {
    costs: Tensor.from(device, [5], [0, 1, 2, 3, 4]),
    bytes: Tensor.from(device, [5], [1, 1, 2, 1, 3]),
  };
  // The third group is empty.
  const starts = Uint32Array.of(0, 1, 4, 4);
  const ends = Uint32Array.of(1, 4, 4, 5);
  const segments = Segments.fromRanges(device, starts, ends, 5);
  const { costs, bytes } = groupCosts(units, segments);
  assertEquals([...await costs.data()], [0, 6, 0, 4]);
  assertEquals([...await bytes.data()], [1, 4, 0, 3]);
});

deviceTest("CostHead forecasts what its numbers say", async (device) => {
  const dim = 3;
  const head = new CostHead(dim, {
    of: "total",
    unitBytes: 3,
    rng: new Rng(1),
  });
  const gain = [0.5, 1.5, -1];
  head.norm.gain.initial.set(gain);
  const hidden = head.hidden.weight.initial.slice();
  const out = head.out.weight.initial.slice();
  head.hidden.bias!.initial.set([0.5, -1, 2]);
  head.out.bias!.initial.set([40]);
  placeWeights(head, device);
  const draw = new Draw(2);
  const x = Array.from({ length: 2 * dim }, () => 4 * draw.uniform() - 2);
  const found = await head.forward(Tensor.from(device, [2, dim], x)).data();
  const expected = [0, 1].map((row) => {
    const own = x.slice(dim * row, dim * (row + 1));
    const squares = own.reduce((sum, value) => sum + value ** 2, 0);
    const rms = Math.sqrt(squares / dim + 1e-5);
    let sum = 40; // beyond it, e to its power is no f32
    for (let j = 0; j < dim; j++) {
      let h = [0.5, -1, 2][j]!;
      for (let i = 0; i < dim; i++) {
        h += hidden[dim * j + i]! * gain[i]! * own[i]! / rms;
      }
      sum += out[j]! * h / (1 + Math.exp(-h));
    }
    return 6 * Math.log1p(Math.exp(sum)); // a byte costs 2 nats
  });
  assertClose(found, expected, { absolute: 0, relative: 1e-6 });
});

for (const kind of ["total", "rate"] as const) {
  deviceTest(
    `CostHead has the loss of forecasts that are known, ${kind}`,
    async (device) => {
      const head = new CostHead(2, {
        of: kind,
        unitBytes: 4,
        rng: new Rng(1),
      });
      const forecasts = [5, 3, 30, 7, 9, 2];
      const costs = [0, 6, 1, 8, 40, 9];
      const bytes = [1, 2, 1, 4, 5, 3];
      // A document of five units, and the first of another: the unit behind
      // the first three is surely complete.
      const positions = [0, 1, 2, 3, 4, 0];
      const loss = head.loss(
        Tensor.from(device, [6], forecasts),
        {
          costs: Tensor.from(device, [6], costs),
          bytes: Tensor.from(device, [6], bytes),
        },
        Tensor.from(device, [6], Uint32Array.from(positions)),
      );
      const errors = [0, 1, 2].map((i) => {
        const length = kind === "total" ? 1 : bytes[i + 1]!;
        const error = Math.abs(forecasts[i]! - costs[i + 1]! / length) /
          (kind === "total" ? 8 : 2);
        return error < 1 ? error ** 2 / 2 : error - 0.5;
      });
      const expected = errors.reduce((sum, error) => sum + error) / 3;
      assertAlmostEquals((await loss.data())[0]!, expected, 1e-5);
    },
  );
}

deviceTest("CostHead sends no gradient to what it reads", (device) => {
  const head = new CostHead(3, OPTIONS);
  placeWeights(head, device);
  const x = Tensor.from(device, [1, 3], [1, 2, 3]);
  assertEquals(backward(sum(head.forward(x)), [x]), [undefined]);
});

deviceTest("CostHead has no loss when no unit is followed", async (device) => {
  const head = new CostHead(2, OPTIONS);
  const two = Tensor.from(device, [2], [3, 4]);
  const positions = Tensor.from(device, [2], Uint32Array.of(0, 1));
  const loss = head.loss(two, { costs: two, bytes: two }, positions);
  assertEquals([...await loss.data()], [0]);
});
