import { assertEquals, assertThrows } from "@std/assert";
import { MetricsRing, ShapeError, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

for (const fields of [1, 3, 4, 9]) {
  deviceTest(
    `MetricsRing keeps ${fields} numbers of each step`,
    async (device) => {
      const ring = new MetricsRing(device, { slots: 3, fields });
      const record = (step: number): void =>
        ring.record(
          Array.from(
            { length: fields },
            (_, field) => Tensor.from(device, [], [10 * step + field]),
          ),
        );
      const expected = (step: number): Float32Array =>
        Float32Array.from({ length: fields }, (_, field) => 10 * step + field);

      assertEquals(await ring.read(), { rows: [], lost: 0 });
      for (const step of [0, 1]) record(step);
      const first = await ring.read();
      assertEquals(first, { rows: [0, 1].map(expected), lost: 0 });
      for (const step of [2, 3, 4, 5, 6]) record(step);
      const later = await ring.read();
      assertEquals(later, { rows: [4, 5, 6].map(expected), lost: 2 });
      assertEquals(await ring.read(), { rows: [], lost: 0 });
    },
  );
}

deviceTest("MetricsRing.record() wants one scalar for each field", (device) => {
  const ring = new MetricsRing(device, { slots: 1, fields: 2 });
  const scalar = Tensor.from(device, [], [1]);
  const pair = Tensor.from(device, [2], [1, 2]);
  assertThrows(() => ring.record([scalar]), ShapeError, "expected 2 scalars");
  assertThrows(() => ring.record([scalar, pair]), ShapeError, "expected 2");
});

deviceTest("MetricsRing.record() never waits", (device) => {
  const ring = new MetricsRing(device, { slots: 2, fields: 1 });
  const before = device.counts.waits;
  for (let i = 0; i < 5; i++) ring.record([Tensor.from(device, [], [i])]);
  assertEquals(device.counts.waits, before);
});
