import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { byteCosts, CostHead, groupCosts } from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { backward, Rng, Segments, sum, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest(
  "byteCosts() pays for a byte where it was predicted",
  async (device) => {
    const nats = Tensor.from(device, [4], [1, 2, 3, 4]);
    const { costs, bytes } = byteCosts(nats);
    assertEquals([...await costs.data()], [0, 1, 2, 3]);
    assertEquals([...await bytes.data()], [1, 1, 1, 1]);
  },
);

deviceTest("groupCosts() adds up units and their bytes", async (device) => {
  const costs = Tensor.from(device, [4], [0, 1, 2, 3]);
  const bytes = Tensor.from(device, [4], [1, 1, 2, 2]);
  const [starts, ends] = [Uint32Array.of(0, 1, 4), Uint32Array.of(1, 4, 4)];
  const segments = Segments.fromRanges(device, starts, ends, 4);
  const groups = groupCosts({ costs, bytes }, segments);
  assertEquals([...await groups.costs.data()], [0, 6, 0]);
  assertEquals([...await groups.bytes.data()], [1, 5, 0]);
});

deviceTest(
  "CostHead forecasts nats >= 0 and sends no gradient back",
  async (device) => {
    const head = new CostHead(3, "total", new Rng(1));
    const _weights = placeWeights(head, device);
    const x = Tensor.from(device, [2, 3], [1, -2, 3, -40, 50, -60]);
    const forecasts = head.forward(x);
    for (const value of await forecasts.data()) {
      assert(value >= 0 && Number.isFinite(value), `${value}`);
    }
    const [dx] = backward(sum(forecasts), [x]);
    assertEquals(dx, undefined);
  },
);

for (const  of of["total", "rate"] as const) {
  deviceTest(
    `CostHead.loss() is Huber's loss of the next unit, ${of}`,
    async (device) => {
      const head = new CostHead(3, of, new Rng(1));
      const forecasts = [1, 30, 3, 4, 5];
      const costs = [9, 8, 7, 60, 5];
      const bytes = [1, 2, 7, 4, 1];
      // Unit 2 ends a document, so units 1 and 2 have nothing complete behind.
      const positions = Uint32Array.of(0, 1, 2, 0, 1);
      const scale = of === "total" ? 8 : 2;
      const next = of === "total" ? costs[1]! : costs[1]! / bytes[1]!;
      const error = Math.abs(forecasts[0]! - next) / scale;
      const expected = error < 1 ? error * error / 2 : error - 0.5;
      const loss = head.loss(
        Tensor.from(device, [5], forecasts),
        {
          costs: Tensor.from(device, [5], costs),
          bytes: Tensor.from(device, [5], bytes),
        },
        Tensor.from(device, [5], positions),
      );
      assertAlmostEquals((await loss.data())[0]!, expected, 1e-6);
    },
  );
}
