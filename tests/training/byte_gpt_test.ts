import { assertAlmostEquals } from "@std/assert";
import { ByteGptTraining } from "../../bench/peers/byte_gpt.ts";
import { LOSSES, SIZES, trainingBatch } from "../../bench/peers/data.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest(
  "ByteGptTraining has the losses of other libraries",
  async (device) => {
    using training = new ByteGptTraining(device, SIZES.tiny);
    for (let step = 1; step <= 50; step++) {
      using loss = training.step(trainingBatch(SIZES.tiny, step - 1));
      const expected = LOSSES.tiny[step];
      if (expected === undefined) continue;
      const [found = NaN] = await loss.data();
      assertAlmostEquals(found, expected, 2e-3, `loss of step ${step}`);
    }
  },
);
