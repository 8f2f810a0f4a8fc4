import {
  bltPreset,
  buildModel,
  openSession,
  patchRows,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { noGrad, Rng, Scope } from "../../tensor/mod.ts";
import { devices } from "../support.ts";
import { PATCH_BYTES, stream } from "./model_case.ts";

const config = bltPreset("micro", { kind: "static", bytes: PATCH_BYTES });

// Models and sessions last as long as the process.
for (const device of devices) {
  const model = buildModel(config, new Rng(1));
  placeWeights(model, device, { panels: true });
  const feed = model.feed(device, 1000, { gradient: false });
  for (const length of [100, 1000]) {
    const group =
      `${PATCH_BYTES} bytes of BLT micro after ${length}, ${device.kind}`;
    const ids = stream.subarray(0, length);
    Deno.bench({
      name: "full forward for each byte",
      group,
      baseline: true,
      n: 3,
      warmup: 1,
      async fn(): Promise<void> {
        for (let i = 0; i < PATCH_BYTES; i++) {
          using _scope = new Scope();
          noGrad(() => feed(patchRows({ ids, lengths: [length] }, config)));
          await device.idle();
        }
      },
    });
    const session = await openSession({
      model,
      device,
      entropyModel: undefined,
    });
    await session.push(ids);
    let at = length;
    Deno.bench({
      name: "with caches",
      group,
      n: 25,
      warmup: 3,
      async fn(): Promise<void> {
        for (let i = 0; i < PATCH_BYTES; i++) {
          await session.push(stream.subarray(at, ++at));
        }
      },
    });
  }
}
