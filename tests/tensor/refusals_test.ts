import { assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  attendCached,
  bytesSeeSlots,
  causal,
  type Device,
  dropout,
  DTypeError,
  embedding,
  followed,
  GatherIndex,
  groupByScores,
  type GroupOptions,
  Intervals,
  lastOf,
  layerNorm,
  MetricsRing,
  rmsNorm,
  Rng,
  rope,
  rotaryTable,
  segmentMax,
  Segments,
  segmentSum,
  selfAttention,
  ShapeError,
  slice,
  slotsSeeBytes,
  smooth,
  spread,
  storeRows,
  tally,
  Tensor,
  trackQuantile,
} from "../../tensor/mod.ts";
import { GradNorm } from "../../tensor/update.ts";
import { deviceTest, otherDevice } from "../support/devices.ts";

function numbers(device: Device, ...shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return Tensor.from(device, shape, new Float32Array(size));
}

function indices(device: Device, ...shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return Tensor.from(device, shape, new Uint32Array(size));
}

/** Groups of four units of one sequence. */
function group(
  device: Device,
  options: Partial<GroupOptions> = {},
  { firsts = [0, 4], scores = numbers(device, 4) } = {},
): void {
  const documents = indices(device, 4);
  const counts = Tensor.from(device, [1], Uint32Array.of(4));
  groupByScores({ firsts, counts, documents }, scores, {
    threshold: numbers(device, 2),
    rule: "above",
    lookback: false,
    most: 4,
    capacity: 4,
    slots: 1,
    window: 4,
    ...options,
  });
}

function track(device: Device, options: Record<string, number>): void {
  trackQuantile(numbers(device, 2), numbers(device, 4), {
    documents: indices(device, 4),
    rule: "above",
    lookback: false,
    quantile: 0.5,
    ...options,
  });
}

function attend(device: Device, options: Record<string, number>): void {
  const parts = [numbers(device, 1, 12), numbers(device, 4, 8)] as const;
  const ends = indices(device, 1, 2);
  attendCached(...parts, ends, { heads: 2, longest: 1, ...options });
}

const rng = new Rng(1);

type Take = (device: Device, n: number) => unknown;

/** What takes counts from 1 on. */
const COUNTS: Readonly<Record<string, Take>> = {
  heads: (device, heads) =>
    selfAttention(
      numbers(device, 4, 12),
      Intervals.from(device, causal([4]), 4),
      { heads },
    ),
  "cached heads": (device, heads) => attend(device, { heads }),
  slots: (device, slots) => new MetricsRing(device, { slots, fields: 1 }),
  fields: (device, fields) => new MetricsRing(device, { slots: 1, fields }),
  "slots of bytes": (_, slots) => slotsSeeBytes(Uint32Array.of(0, 1), slots),
  "slots of patches": (_, slots) => bytesSeeSlots(Uint32Array.of(0), slots),
  "ids per row": (device, perRow) =>
    GatherIndex.from(device, new Uint32Array(4), { rows: 1, perRow }),
  "capacity of groups": (device, capacity) =>
    group(device, { capacity: capacity === 1 ? 2 : capacity }),
  "slots of groups": (device, slots) => group(device, { slots }),
  "length of sequences": (device, length) => {
    const segments = Segments.fromIds(device, Uint32Array.of(0, 1), 2);
    const options = { segments, length };
    smooth(numbers(device, 2, 1), numbers(device, 2), options);
  },
};

/** What takes counts from 0 on. */
const SIZES: Readonly<Record<string, Take>> = {
  axis: (device, n) => Tensor.empty(device, [2, n]),
  "axis of indices": (device, n) => Tensor.empty(device, [n], "u32"),
  "rows of segments": (device, rows) =>
    Segments.fromRanges(device, new Uint32Array(1), new Uint32Array(1), rows),
  segments: (device, count) =>
    Segments.fromIds(device, Uint32Array.of(9), count),
  keys: (device, keys) => Intervals.from(device, causal([]), keys),
  "length of documents": (_, length) => causal([length]),
  pairs: (device, pairs) => {
    const ends = indices(device, 2, 2);
    new Intervals(ends, ends, { pairs, longest: 1 });
  },
  longest: (device, longest) => attend(device, { longest }),
  positions: (device, positions) =>
    rotaryTable(device, { positions, headWidth: 2, theta: 1 }),
  "row to store at": (device, at) =>
    storeRows(numbers(device, 4, 2), numbers(device, 2, 2), { at }),
  "row to store from": (device, from) =>
    storeRows(numbers(device, 4, 2), numbers(device, 2, 2), { at: 0, from }),
  "rows to store": (device, rows) =>
    storeRows(numbers(device, 4, 2), numbers(device, 2, 2), { at: 0, rows }),
  "column to store": (device, column) =>
    storeRows(numbers(device, 4, 2), numbers(device, 2, 3), { at: 0, column }),
  "rows of a table": (device, rows) =>
    GatherIndex.from(device, new Uint32Array(0), { rows }),
  stream: (device, stream) =>
    dropout(numbers(device, 2), { rate: 0.5, key: indices(device, 2), stream }),
  every: (device, every) => group(device, { every }),
  "columns to rotate": (device, n) => {
    const table = rotaryTable(device, {
      positions: 2,
      headWidth: 2,
      theta: 1,
    });
    rope(numbers(device, 1, 4), table, indices(device, 1), { columns: 2 * n });
  },
  "end of a slice": (device, end) => slice(numbers(device, 4), [[0, end]]),
};

/** What takes limits, which may be infinite. */
const LIMITS: Readonly<Record<string, Take>> = {
  window: (_, window) => causal([3], window),
  "window of groups": (device, window) => group(device, { window }),
  "most units": (device, most) => group(device, { most }),
  "norm of gradients": (device, limit) => new GradNorm(device, limit),
};

/** What takes numbers from 0 on. */
const NUMBERS: Readonly<Record<string, Take>> = {
  "eps of rmsNorm": (device, eps) =>
    rmsNorm(numbers(device, 2), numbers(device, 2), { eps }),
  "eps of layerNorm": (device, eps) =>
    layerNorm(numbers(device, 2), numbers(device, 2), undefined, { eps }),
  quantile: (device, quantile) => track(device, { quantile }),
  "rate of quantiles": (device, rate) => track(device, { rate }),
  "rate of dropout": (device, n) =>
    dropout(numbers(device, 2), {
      rate: n / 2,
      key: indices(device, 2),
      stream: 1,
    }),
  sigma: (_, sigma) => rng.fillNormal(new Float32Array(1), sigma),
  "truncated sigma": (_, sigma) =>
    rng.fillTruncatedNormal(new Float32Array(1), sigma),
  theta: (device, theta) =>
    rotaryTable(device, {
      positions: 1,
      headWidth: 2,
      theta: theta === 0 ? 1 : theta,
    }),
  lrScale: (device, lrScale) => {
    const initial = new Float32Array(1);
    const entry = { shape: [1], initial, decay: true, lrScale };
    using _arena = new Arena(device, new Map([["w", entry]]));
  },
};

const TABLES = [
  [COUNTS, [1], [0, -1, -3, 1.5, NaN, Infinity, -Infinity, 1e300]],
  [SIZES, [0, 1], [-1, -3, 0.5, NaN, Infinity, -Infinity, 1e300]],
  [LIMITS, [1, 7, Infinity], [0, -1, NaN, -Infinity]],
  [NUMBERS, [0, 1], [-0.5, NaN, Infinity, -Infinity, 1e300]],
] as const;

for (const [table, good, bad] of TABLES) {
  for (const [name, take] of Object.entries(table)) {
    deviceTest(`${name}: only numbers that make sense are taken`, (device) => {
      for (const n of good) take(device, n);
      for (const n of bad) {
        const error = assertThrows(() => take(device, n), Error, "Cannot");
        const known = error instanceof RangeError ||
          error instanceof ShapeError;
        assertEquals(known, true, `${n}: ${error}`);
      }
    });
  }
}

/** Things of one device that meet tensors of another. */
const ELSEWHERE: Readonly<
  Record<string, (here: Device, there: Device) => unknown>
> = {
  "an index of embedding": (here, there) =>
    embedding(
      numbers(here, 3, 2),
      GatherIndex.from(there, Uint32Array.of(1), { rows: 3 }),
    ),
  "segments of segmentSum": (here, there) =>
    segmentSum(
      numbers(here, 2, 2),
      Segments.fromIds(there, Uint32Array.of(0, 1), 2),
    ),
  "segments of segmentMax": (here, there) =>
    segmentMax(
      numbers(here, 2, 2),
      Segments.fromIds(there, Uint32Array.of(0, 1), 2),
    ),
  "segments of spread": (here, there) =>
    spread(
      numbers(here, 2, 2),
      Segments.fromIds(there, Uint32Array.of(0, 1), 2),
    ),
  "segments of smooth": (here, there) => {
    const segments = Segments.fromIds(there, Uint32Array.of(0, 1), 2);
    const options = { segments, length: 1 };
    smooth(numbers(here, 2, 2), numbers(here, 2), options);
  },
  "segments of lastOf": (here, there) =>
    lastOf(
      numbers(here, 2),
      Segments.fromIds(there, Uint32Array.of(0, 1), 2),
    ),
  intervals: (here, there) =>
    selfAttention(
      numbers(here, 2, 6),
      Intervals.from(there, causal([2]), 2),
      { heads: 1 },
    ),
  "half of the intervals": (here, there) => {
    const [a, b] = [indices(here, 2, 2), indices(there, 2, 2)];
    new Intervals(a, b, { pairs: 1, longest: 1 });
  },
  "half of the segments": (here, there) =>
    new Segments({
      starts: indices(here, 1),
      ends: indices(there, 1),
      ids: indices(here, 1),
    }),
  "a rotary table": (here, there) =>
    rope(
      numbers(here, 1, 2),
      rotaryTable(there, { positions: 1, headWidth: 2, theta: 1 }),
      indices(here, 1),
    ),
  "rows to store": (here, there) =>
    storeRows(numbers(here, 2, 2), numbers(there, 1, 2), { at: 0 }),
  "a cache": (here, there) =>
    attendCached(
      numbers(here, 1, 3),
      numbers(there, 4, 2),
      indices(here, 1, 2),
      { heads: 1, longest: 1 },
    ),
  "a metric": (here, there) => {
    using ring = new MetricsRing(here, { slots: 1, fields: 1 });
    ring.record([numbers(there)]);
  },
  scores: (here, there) => group(here, {}, { scores: numbers(there, 4) }),
  "a threshold": (here, there) => group(here, { threshold: numbers(there, 2) }),
  "scores of a quantile": (here, there) =>
    trackQuantile(numbers(here, 2), numbers(there, 1), {
      documents: indices(here, 1),
      rule: "above",
      lookback: false,
      quantile: 0.5,
    }),
  "gradients to measure": (here, there) => {
    const initial = new Float32Array(1);
    const entry = { shape: [1], initial, decay: true };
    using arena = new Arena(there, new Map([["w", entry]]));
    new GradNorm(here, 1).measure(arena);
  },
  "a key of dropout": (here, there) =>
    dropout(numbers(here, 2), {
      rate: 0.5,
      key: indices(there, 2),
      stream: 0,
    }),
};

for (const [name, run] of Object.entries(ELSEWHERE)) {
  deviceTest(`${name} of another device is noticed`, (device) => {
    run(device, device);
    for (
      const pair of [[device, otherDevice], [otherDevice, device]] as const
    ) {
      assertThrows(() => run(...pair), TypeError, "tensors of two devices");
    }
  });
}

/** Where numbers meet indices. */
const TYPES: Readonly<Record<string, (device: Device) => unknown>> = {
  "indices as a metric": (device) => {
    using ring = new MetricsRing(device, { slots: 1, fields: 1 });
    ring.record([indices(device)]);
  },
  "indices to store": (device) =>
    storeRows(numbers(device, 2, 2), indices(device, 1, 2), { at: 0 }),
  "a target of indices": (device) =>
    storeRows(indices(device, 2, 2), numbers(device, 1, 2), { at: 0 }),
  "numbers as positions": (device) => followed(numbers(device, 2)),
  "numbers to tally": (device) => tally(numbers(device, 2)),
  "numbers as intervals": (device) => {
    const ends = numbers(device, 2, 2);
    new Intervals(ends, ends, { pairs: 1, longest: 1 });
  },
  "numbers as segments": (device) => {
    const part = numbers(device, 1);
    new Segments({ starts: part, ends: part, ids: part });
  },
  "indices as scores": (device) =>
    group(device, {}, { scores: indices(device, 4) }),
  "a list as ids": (device) =>
    GatherIndex.from(device, [0, 1] as unknown as Uint32Array, { rows: 2 }),
  "numbers as ids of segments": (device) =>
    Segments.fromIds(device, Float32Array.of(0) as unknown as Uint32Array, 1),
};

for (const [name, run] of Object.entries(TYPES)) {
  deviceTest(`${name} are a DTypeError`, (device) => {
    assertThrows(() => run(device), DTypeError, "Cannot apply");
  });
}

deviceTest("Arena takes only numbers of f32", (device) => {
  const initial = new Float32Array(2);
  const entry = { shape: [2], initial, decay: true };
  using arena = new Arena(device, new Map([["w", entry]]));
  for (const data of [Uint32Array.of(1, 2), [1, 2]]) {
    const planes = new Map([["w", data as unknown as Float32Array]]);
    assertThrows(() => arena.write("values", planes), DTypeError, "to w");
  }
});

deviceTest("storeRows() refuses to copy within one memory", (device) => {
  const x = numbers(device, 4, 2);
  for (const source of [x, x.view()]) {
    assertThrows(
      () => storeRows(x, source, { at: 1, rows: 1 }),
      TypeError,
      "expected two tensors",
    );
  }
  assertThrows(
    () => storeRows(x, numbers(device, 2), { at: 0 }),
    ShapeError,
    "both must be matrices",
  );
});
