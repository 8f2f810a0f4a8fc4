import { assertEquals } from "@std/assert";
import {
  backward,
  embedding,
  GatherIndex,
  layerNorm,
  rmsNorm,
  storeRows,
  sum,
  Tensor,
} from "../../../tensor/mod.ts";
import { deviceTest } from "../../support/devices.ts";

deviceTest("layerNorm() and rmsNorm() add 1e-5 by default", async (device) => {
  // So little that what is added counts.
  const x = Tensor.from(device, [2, 2], [1e-3, 3e-3, -2e-3, 5e-3]);
  const gain = Tensor.from(device, [2], [1, 2]);
  const bias = Tensor.from(device, [2], [0, 1]);
  const options = { eps: 1e-5 };
  assertEquals(
    await layerNorm(x, gain, bias).data(),
    await layerNorm(x, gain, bias, options).data(),
  );
  assertEquals(
    await rmsNorm(x, gain).data(),
    await rmsNorm(x, gain, options).data(),
  );
});

deviceTest("sum() drops the axes by default", (device) => {
  const x = Tensor.from(device, [1, 3], [1, 2, 3]);
  assertEquals(sum(x, { axis: 1 }).shape, [1]);
  assertEquals(sum(x).shape, []);
});

deviceTest(
  "storeRows() copies all from the front by default",
  async (device) => {
    const target = Tensor.from(device, [3, 2], new Float32Array(6));
    const source = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
    storeRows(target, source, { at: 1 });
    assertEquals([...await target.data()], [0, 0, 1, 2, 3, 4]);
  },
);

deviceTest("GatherIndex reads one row for each by default", (device) => {
  const index = GatherIndex.from(device, Uint32Array.of(1, 0), { rows: 2 });
  assertEquals([index.perRow, index.ids.shape], [1, [2, 1]]);
  assertEquals(index.inverse === undefined, false);
});

deviceTest(
  "embedding() asks an index for no gradient that is not wanted",
  async (device) => {
    const table = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
    const base = Tensor.from(device, [1, 2], [5, 6]);
    const ids = Uint32Array.of(1);
    const index = GatherIndex.from(device, ids, { rows: 2, gradient: false });
    const loss = sum(embedding(table, index, { base }));
    const [dbase] = backward(loss, [base]);
    assertEquals([...await dbase!.data()], [1, 1]);
  },
);
