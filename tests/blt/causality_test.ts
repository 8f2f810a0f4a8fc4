import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  Blt,
  bltPreset,
  BOS,
  BYTE_OFFSET,
  encode,
  EOS,
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
import {
  blt,
  bltConfig,
  bytes,
  type Changes,
  drawRow,
  type Outcome,
  patchers,
  type Subject,
} from "./subject.ts";

const V = 260;

/** What a change of one id did to what stands before it. */
interface Leaks {
  /** Changes that were tried. */
  cases: number;
  /** Changes that moved an earlier logit. */
  logits: number;
  /** Changes that moved an earlier start. */
  starts: number;
  /** Changes that moved nothing where they were made. */
  unseen: number;
  /** Changes that moved a later start: else the test would show little. */
  moved: number;
}

const NONE: Leaks = { cases: 0, logits: 0, starts: 0, unseen: 0, moved: 0 };
const KEYS = ["cases", "logits", "starts", "unseen", "moved"] as const;

/** Positions at the front of two rows whose logits have the same bits. */
function agreeing(a: Outcome, b: Outcome): number {
  const length = Math.min(a.logits.length, b.logits.length);
  let i = 0;
  while (i < length && Object.is(a.logits[i], b.logits[i])) i++;
  return Math.floor(i / V);
}

/**
 * Changes the ids of `row` at `positions`, one at a time, and looks for changes
 * before them.
 */
async function leaksOf(
  subject: Subject,
  row: Uint32Array,
  draw: Draw,
  positions: readonly number[] = [...row.keys()].slice(1),
): Promise<Leaks> {
  const changed = positions.map((t) => {
    // An EOS begins a patch behind it, so it is tried as well.
    const other = draw.integer(0, 8) === 0
      ? EOS
      : BYTE_OFFSET + draw.integer(0, 256);
    return row.with(t, other === row[t] ? BYTE_OFFSET : other);
  });
  const [before, ...after] = await subject([row, ...changed]);
  const leaks = { ...NONE };
  for (const [i, outcome] of after.entries()) {
    const t = positions[i]!;
    const flip = outcome.starts.findIndex((s, p) => s !== before!.starts[p]);
    leaks.cases += 1;
    const first = agreeing(before!, outcome);
    leaks.logits += Number(first < t);
    leaks.unseen += Number(first > t);
    leaks.starts += Number(flip >= 0 && flip <= t);
    leaks.moved += Number(flip > t);
  }
  return leaks;
}

/** Leaks of several random rows. */
async function search(
  subject: Subject,
  lengths: readonly number[],
): Promise<Leaks> {
  const sum = { ...NONE };
  for (const [seed, length] of lengths.entries()) {
    const draw = new Draw(seed);
    const leaks = await leaksOf(subject, drawRow(draw, length), draw);
    for (const key of KEYS) sum[key] += leaks[key];
  }
  return sum;
}

/** Lengths of the rows of a search; the slower device gets fewer. */
function lengthsFor(device: Device): readonly number[] {
  return device.kind === "cpu" ? [2, 3, 7, 12, 17, 24, 31] : [3, 19];
}

/** Models to prove, by name. */
const subjects: Readonly<Record<string, (device: Device) => Subject>> = {
  ByteTransformer: bytes,
  ...Object.fromEntries(
    Object.entries(patchers).map(([name, patcher]) => [
      `Blt with patches by ${name}`,
      (device: Device): Subject => blt(device, patcher),
    ]),
  ),
};

for (const [name, make] of Object.entries(subjects)) {
  deviceTest(`${name} does not see ahead`, async (device) => {
    const leaks = await search(make(device), lengthsFor(device));
    const cases = device.kind === "cpu" ? 89 : 20;
    assertEquals({ ...leaks, moved: 0 }, { ...NONE, cases });
    const fixed = /ByteTransformer|by byte$|by static$/.test(name);
    if (device.kind === "cpu" && !fixed) assertGreater(leaks.moved, 4);
  });

  deviceTest(
    `${name} says of a prefix what it says of the row`,
    async (device) => {
      const subject = make(device);
      const row = drawRow(new Draw(99), device.kind === "cpu" ? 24 : 9);
      const [whole] = await subject([row]);
      for (let length = 1; length < row.length; length++) {
        const [part] = await subject([row.subarray(0, length)]);
        assertEquals(agreeing(part!, whole!), length);
        assertEquals(part!.starts, whole!.starts.subarray(0, length + 1));
      }
    },
  );
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

/** Rows that are short, empty, repetitive, or no text at all. */
const EDGES: Readonly<Record<string, Uint32Array>> = {
  "BOS alone": Uint32Array.of(BOS),
  "one byte": encode("a", { eos: false }),
  "an empty text": encode(""),
  "EOS inside": Uint32Array.of(BOS, 101, 102, EOS, 103, 104, 105),
  "one byte repeated": encode("a".repeat(20)),
  "spaces": encode(" ".repeat(9)),
  "invalid UTF-8": encode(Uint8Array.of(0xff, 0xc0, 0x80, 0xfe, 0, 0xed, 0xa0)),
  "a code point cut in two": encode(Uint8Array.of(0x61, 0xf0, 0x9f, 0xa5)),
};

for (const kind of ["entropy", "both", "space"]) {
  deviceTest(
    `Blt with patches by ${kind} takes unusual rows`,
    async (device) => {
      const subject = blt(device, patchers[kind]!);
      for (const [what, row] of Object.entries(EDGES)) {
        const draw = new Draw(1);
        const leaks = await leaksOf(subject, row, draw);
        assertEquals(leaks.logits + leaks.starts, 0, what);
        const [{ logits } = { logits: [] }] = await subject([row]);
        assertEquals(logits.length, V * row.length);
        assert(logits.every(Number.isFinite), what);
      }
    },
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
