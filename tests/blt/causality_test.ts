import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  Blt,
  bltPreset,
  BOS,
  NgramHasher,
  ngramRows,
  patchIds,
  patchStarts,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import {
  backward,
  bytesSeeSlots,
  type Device,
  Intervals,
  Rng,
  Tensor,
} from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import { leaksOf, NONE, search } from "./leaks.ts";
import { type Make, proveCausal, provePrefix, proveUnusual } from "./proofs.ts";
import {
  blt,
  bltConfig,
  bytes,
  type Changes,
  drawRow,
  patchers,
  type Subject,
} from "./subject.ts";

const V = 260;

/** Models to prove, by name. */
const subjects: Readonly<Record<string, Make>> = {
  ByteTransformer: bytes,
  ...Object.fromEntries(
    Object.entries(patchers).map(([name, patcher]) => [
      `Blt with patches by ${name}`,
      (device: Device): Subject => blt(device, patcher),
    ]),
  ),
};

for (const [name, make] of Object.entries(subjects)) {
  const fixed = /ByteTransformer|by byte$|by static$/.test(name);
  proveCausal(name, make, fixed ? 0 : 5);
  provePrefix(name, make);
}

deviceTest("Blt has no gradient from a logit to later ids", async (device) => {
  const config = bltConfig(patchers["custom"]!);
  const model = new Blt(config, new Rng(7));
  placeWeights(model, device);
  // Distinct ids, so that a row of the table belongs to one position.
  const ids = Uint32Array.of(BOS, 101, 70, 99, 200, 36, 120, 71, 103, 40, 90);
  const starts = [patchStarts({ ids }, config.patcher)];
  const batch = model.batch(
    device,
    { ids, lengths: [ids.length], starts },
    model.tables(device, ids.length),
  );
  const { tokens, ngrams } = model.embedding;
  const logits = model.forward(batch);
  const { dim } = config.encoder;
  const { tables } = new NgramHasher(config.ngrams!);
  const hashed = ngramRows(ids, config.ngrams!, { stacked: true });
  const isZero = (gradient: Float32Array, row: number): boolean =>
    gradient.subarray(row * dim, (row + 1) * dim).every((x) => x === 0);
  for (let p = 0; p < ids.length; p++) {
    const numbers = new Float32Array(logits.size);
    numbers.fill(1, p * V, p * V + 9);
    const seed = Tensor.from(device, logits.shape, numbers);
    const wrt = [tokens.table.value, ngrams!.table.value];
    const [own, hash] = await Promise.all(
      backward(logits, wrt, { seed }).map((gradient) => gradient!.data()),
    );
    const seen = [...ids].map((id) => !isZero(own!, id));
    // Bytes in front of the windows reach it through the patches, or not.
    assertEquals(seen.lastIndexOf(true), p);
    const before = new Set(hashed.subarray(0, (p + 1) * tables));
    for (const row of hashed) {
      assert(before.has(row) || isZero(hash!, row), `${p} sees n-gram ${row}`);
    }
  }
});

deviceTest("Blt of a preset's size does not see ahead", async (device) => {
  const patcher = patchers["space"]!;
  const config = bltPreset("nano", patcher);
  const draw = new Draw(1);
  const row = drawRow(draw, 150);
  // Around the ends of windows and of tiles.
  const positions = [1, 63, 64, 127, 128, 129, 149];
  const subject = blt(device, patcher, { config });
  const leaks = await leaksOf(subject, row, draw, positions);
  assertEquals({ ...leaks, moved: 0 }, { ...NONE, cases: positions.length });
});

for (const kind of ["entropy", "both", "space"]) {
  proveUnusual(
    `Blt with patches by ${kind}`,
    (device) => blt(device, patchers[kind]!),
  );
}

/** Ways to build a BLT that look right and are not causal. */
function sabotages(device: Device): Readonly<Record<string, Changes>> {
  const { slots } = bltConfig({ kind: "byte" });
  return {
    "the decoder reads the open patch": {
      batch: (batch, starts) => {
        const { unitsSee } = batch.patches;
        let before = 0;
        const open = starts.flatMap((flags) => {
          const ids = patchIds(flags).map((id) => id + before);
          before = ids.at(-1)! + 1;
          return [...ids];
        });
        const keys = unitsSee.ofKeys.shape[0]!;
        const ends = bytesSeeSlots(Uint32Array.from(open), slots);
        const wrong = Intervals.from(device, ends, keys);
        return { ...batch, patches: { ...batch.patches, unitsSee: wrong } };
      },
    },
    "the most uncertain bytes of the row start patches": {
      starts: (ids, entropies) => {
        const most = [...entropies.keys()].slice(1, -1)
          .sort((a, b) => entropies[b]! - entropies[a]!)
          .slice(0, Math.floor(ids.length / 4));
        const starts = new Uint8Array(ids.length + 1);
        for (const start of [0, 1, ...most.map((i) => i + 1)]) {
          starts[start] = 1;
        }
        return starts;
      },
    },
    "a byte decides whether it starts a patch": {
      starts: (ids) =>
        Uint8Array.from(
          [...ids, 0],
          (id, p) => Number(p < 2 || id % 3 === 0),
        ),
    },
  };
}

deviceTest(
  "Blt that was tampered with is seen to see ahead",
  async (device) => {
    const patcher = patchers["entropy"]!;
    for (const [what, changes] of Object.entries(sabotages(device))) {
      const leaks = await search(blt(device, patcher, changes), [12, 19]);
      assertGreater(leaks.logits, leaks.cases / 10, what);
    }
  },
);
