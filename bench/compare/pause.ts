import {
  Batches,
  byteInputs,
  byteUnits,
  EndToEndBlt,
  endToEndPreset,
  extentOf,
  groupCapacity,
  groupUnits,
  patchStarts,
  type Pooling,
  poolingOf,
  sequenceOf,
  tableOf,
  UnitGrouper,
  type Units,
} from "../../blt/mod.ts";
import { AdamW, attendWithin, placeWeights } from "../../nn/mod.ts";
import {
  add,
  crossEntropy,
  type Device,
  groupByScores,
  mul,
  Rng,
  Scope,
  Tensor,
  trackQuantile,
} from "../../tensor/mod.ts";
import { markdown } from "./table.ts";

const SHAPE = { rows: 4, context: 256 };

const PATCH_BYTES = 4;

/** Steps that are timed together, and how often they are. */
const STEPS = 5;
const ROUNDS = 4;

/** Where the patches of a step come from. */
const PATCHINGS = ["on the device", "on the host", "static"] as const;

/**
 * Milliseconds of a training step of a nano end-to-end model: with patches made
 * on the device, with a pause in which the host makes them, and with static
 * ones, which need none.
 */
export async function pauseTable(
  devices: readonly Device[],
  stream: Uint32Array,
): Promise<string> {
  const lines: string[][] = [];
  for (const device of devices) {
    const times = await stepTimes(device, stream);
    const name = `${device.kind}, ${device.description}`;
    lines.push([name, ...times.map((ms) => ms.toFixed(0))]);
  }
  const head = ["ms of a step with patches made", ...PATCHINGS];
  const { rows, context } = SHAPE;
  return `${
    markdown(head, lines)
  }\n\nA step has ${rows} x ${context} bytes; the best of ${ROUNDS} rounds.`;
}

/** Milliseconds of a step for each patching, at best. */
async function stepTimes(
  device: Device,
  stream: Uint32Array,
): Promise<number[]> {
  using _scope = new Scope();
  const all = PATCHINGS.map((patching) => steps(device, stream, patching));
  const best = all.map(() => Infinity);
  // The first round is for warming up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, step] of all.entries()) {
      const since = performance.now();
      for (let i = 0; i < STEPS; i++) await step();
      await device.idle();
      const ms = (performance.now() - since) / STEPS;
      if (round > 0) best[i] = Math.min(best[i]!, ms);
    }
  }
  return best;
}

/** Training steps, as the model does them but for where patches come from. */
function steps(
  device: Device,
  stream: Uint32Array,
  patching: typeof PATCHINGS[number],
): () => Promise<void> {
  const config = endToEndPreset("nano", { patchBytes: PATCH_BYTES });
  const { tiny, grouping, auxiliaryWeight, blt } = config;
  const { encoder, latent, slots } = blt;
  const model = new EndToEndBlt(config, new Rng(1));
  const weights = placeWeights(model, device);
  const optimizer = new AdamW(weights, { clip: 1 });
  const batches = new Batches(stream, SHAPE, new Rng(2));
  const tables = model.blt.tables(device, SHAPE.context);
  const tinyTable = tableOf(device, tiny, SHAPE.context);
  const lengths = Array<number>(SHAPE.rows).fill(SHAPE.context);
  const firsts = [0, ...lengths.map((length, row) => (row + 1) * length)];
  const rule = { ...grouping, lookback: false };

  function onHost(units: Units, starts: readonly Uint8Array[]): Pooling {
    const grouping = groupUnits(units, starts);
    return poolingOf(device, grouping, slots, latent, tables.latent);
  }

  async function patchesOf(
    ids: Uint32Array,
    units: Units,
    scores: Tensor,
    documents: Tensor,
  ): Promise<Pooling> {
    const { threshold } = model;
    const rows = lengths.map((_, row) =>
      ids.subarray(firsts[row], firsts[row + 1])
    );
    switch (patching) {
      case "static": {
        const patcher = { kind: patching, bytes: PATCH_BYTES };
        return onHost(units, rows.map((ids) => patchStarts({ ids }, patcher)));
      }
      case "on the host": {
        const found = await scores.data();
        const [value = 0] = await threshold.value.data();
        const grouper = new UnitGrouper({ ...rule, threshold: value });
        const starts = rows.map((row, r) =>
          Uint8Array.from([
            1,
            ...Array.from(row, (_, i) => {
              const unit = firsts[r]! + i;
              const startsDocument = units.documents[unit] === unit;
              const marks = grouper.push(found[unit]!, startsDocument);
              return Number(marks || units.documents[unit + 1] === unit + 1);
            }),
          ])
        );
        return onHost(units, starts);
      }
      case "on the device": {
        const counts = Uint32Array.from(lengths);
        const groups = groupByScores(
          {
            firsts,
            counts: Tensor.from(device, [counts.length], counts),
            documents,
          },
          scores,
          {
            ...rule,
            threshold: threshold.value,
            capacity: groupCapacity(grouping.target, extentOf(units)),
            slots,
            window: latent.window,
          },
        );
        const { positions, intervals } = groups;
        const sequence = { positions, intervals, table: tables.latent };
        return { ...groups, sequence };
      }
    }
  }

  return async () => {
    using _step = new Scope();
    const { ids, targets } = batches.next();
    const units = byteUnits(ids, lengths);
    const documents = Tensor.from(device, [ids.length], units.documents);
    const target = Tensor.from(device, [targets.length], targets);
    const inputs = byteInputs(device, { ids, lengths }, blt.ngrams, true);
    const attend = attendWithin(
      sequenceOf(device, units, tiny, tinyTable),
      tiny.heads,
    );
    const bytes = sequenceOf(device, units, encoder, tables.local);
    const { latents, heads, scores } = model.sense(inputs, {
      tiny: attend,
      branch: attend,
    });
    const patches = await patchesOf(ids, units, scores, documents);
    const logits = model.blt.through(
      model.embed(inputs, latents),
      { encoder: bytes, decoder: bytes, patches },
      (pooled) =>
        model.blt.think(pooled, attendWithin(patches.sequence, latent.heads)),
    );
    const wrong = crossEntropy(heads!, target);
    weights.backward(
      add(crossEntropy(logits, target), mul(wrong, auxiliaryWeight)),
    );
    optimizer.step(1e-3);
    trackQuantile(model.threshold.value, scores, {
      documents,
      ...rule,
      quantile: 1 - 1 / grouping.target,
    });
    device.submit();
  };
}
