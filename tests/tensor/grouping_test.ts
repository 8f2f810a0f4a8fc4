import { assertEquals, assertThrows } from "@std/assert";
import {
  bytesSeeSlots,
  type Device,
  type Ends,
  groupByScores,
  type GroupOptions,
  type Groups,
  Intervals,
  Scope,
  ShapeError,
  Tensor,
  type UnitRows,
} from "../../tensor/mod.ts";
import {
  groupOnHost,
  type HostGroups,
  type HostStartRule,
  type HostUnitRows,
} from "../../blt/mod.ts";
import { devices, deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import { drawGrouping, drawScores } from "./grouping_case.ts";

/** Options without the threshold's tensor. */
type Sizes = Pick<GroupOptions, "capacity" | "slots" | "window">;

function upload(device: Device, rows: HostUnitRows): UnitRows {
  const { firsts, counts, documents } = rows;
  return {
    firsts,
    counts: Tensor.from(device, [counts.length], counts),
    documents: Tensor.from(device, [documents.length], documents),
  };
}

function groupScores(
  device: Device,
  rows: UnitRows,
  scores: Float32Array,
  { threshold, ...rule }: HostStartRule & Sizes,
): Groups {
  return groupByScores(rows, Tensor.from(device, [scores.length], scores), {
    ...rule,
    threshold: Tensor.from(device, [1], [threshold]),
  });
}

/** Downloads all numbers with one wait. */
async function download(
  tensors: Readonly<Record<string, Tensor>>,
): Promise<Record<string, number[]>> {
  const entries = Object.entries(tensors);
  const { device } = entries[0]![1];
  const read = await device.read(entries.map(([, { storage }]) => storage));
  return Object.fromEntries(entries.map(([name, { dtype }], i) => [
    name,
    [
      ...dtype === "f32"
        ? new Float32Array(read[i]!)
        : new Uint32Array(read[i]!),
    ],
  ]));
}

function tensorsOf(groups: Groups): Record<string, Tensor> {
  const { units, segments, isNull, readable, positions, overflow } = groups;
  const { starts, ends, ids } = segments;
  const { counts, documents } = units;
  return {
    ...{ starts, ends, ids, counts, documents },
    ...{ isNull, readable, positions, overflow },
    slotsSee: groups.slotsSee.ofQueries,
    slotsSeen: groups.slotsSee.ofKeys,
    unitsSee: groups.unitsSee.ofQueries,
    unitsSeen: groups.unitsSee.ofKeys,
    groupsSee: groups.intervals.ofQueries,
    groupsSeen: groups.intervals.ofKeys,
  };
}

/** All numbers, from the groups on the host. */
async function expectedOf(
  groups: HostGroups,
  { lookback, slots, window }: HostStartRule & Sizes,
): Promise<Record<string, number[]>> {
  const { starts, ends, ids, isNull, readable, overflow } = groups;
  const { counts, documents } = groups.units;
  const groupCount = starts.length;
  const units = ids.length;
  const perSlot = (x: Uint32Array): Uint32Array =>
    Uint32Array.from(
      { length: groupCount * slots },
      (_, slot) => x[Math.floor(slot / slots)]!,
    );
  const unitsSee = bytesSeeSlots(readable, slots);
  ids.forEach((id, unit) => {
    if (id === groupCount) unitsSee.hi[unit] = unitsSee.lo[unit]!;
  });
  const positions = new Uint32Array(groupCount);
  const sees: Ends = {
    lo: positions.map((_, group) => group),
    hi: positions.map((_, group) => group),
  };
  starts.forEach((start, group) => {
    if (start === ends[group]) return;
    const head = documents[group]! + Number(lookback);
    positions[group] = group - head;
    sees.lo[group] = Math.max(head, group + 1 - window);
    sees.hi[group] = group + 1;
  });
  using _scope = new Scope();
  const device = devices[0]!;
  const slotEnds = { lo: perSlot(starts), hi: perSlot(ends) };
  const intervals = {
    slots: Intervals.from(device, slotEnds, units),
    units: Intervals.from(device, unitsSee, groupCount * slots),
    groups: Intervals.from(device, sees, groupCount),
  };
  const lists = { starts, ends, ids, counts, documents };
  return {
    ...Object.fromEntries(
      Object.entries({ ...lists, isNull, readable, positions, overflow })
        .map(([name, list]) => [name, [...list]]),
    ),
    ...await download({
      slotsSee: intervals.slots.ofQueries,
      slotsSeen: intervals.slots.ofKeys,
      unitsSee: intervals.units.ofQueries,
      unitsSeen: intervals.units.ofKeys,
      groupsSee: intervals.groups.ofQueries,
      groupsSeen: intervals.groups.ofKeys,
    }),
  };
}

function drawSizes(draw: Draw): Sizes {
  return {
    capacity: draw.integer(2, draw.uniform() < 0.5 ? 8 : 60),
    slots: draw.integer(1, 4),
    window: draw.uniform() < 0.5 ? Infinity : draw.integer(1, 6),
  };
}

deviceTest(
  "groupByScores() equals groupOnHost(), on two levels",
  async (device) => {
    for (let seed = 0; seed < 120; seed++) {
      using _scope = new Scope();
      const draw = new Draw(seed);
      const { rows, scores, rule } = drawGrouping(draw);
      const lower = { ...rule, ...drawSizes(draw) };
      const groups = groupScores(device, upload(device, rows), scores, lower);
      const onHost = groupOnHost(rows, scores, lower);

      const upper = { ...drawGrouping(draw).rule, ...drawSizes(draw) };
      const next = drawScores(draw, onHost.starts.length);
      const higher = groupScores(device, groups.units, next, upper);
      const higherOnHost = groupOnHost(onHost.units, next, upper);

      const found = await download(tensorsOf(groups));
      assertEquals(found, await expectedOf(onHost, lower), `seed ${seed}`);
      const above = await download(tensorsOf(higher));
      assertEquals(
        above,
        await expectedOf(higherOnHost, upper),
        `seed ${seed}`,
      );
    }
  },
);

deviceTest("groupByScores() bounds what its intervals hold", async (device) => {
  for (let seed = 0; seed < 20; seed++) {
    using _scope = new Scope();
    const draw = new Draw(seed);
    const { rows, scores, rule } = drawGrouping(draw);
    const groups = groupScores(device, upload(device, rows), scores, {
      ...rule,
      ...drawSizes(draw),
    });
    for (
      const intervals of [groups.slotsSee, groups.unitsSee, groups.intervals]
    ) {
      const ends = await intervals.ofQueries.indices();
      const keys = intervals.ofKeys.shape[0]!;
      const known = Intervals.from(device, {
        lo: ends.filter((_, i) => i % 2 === 0),
        hi: ends.filter((_, i) => i % 2 === 1),
      }, keys);
      assertEquals(known.pairs <= intervals.pairs, true, `seed ${seed}`);
      assertEquals(known.longest <= intervals.longest, true, `seed ${seed}`);
    }
  }
});

deviceTest(
  "groupByScores() does not see later scores, nor other sequences",
  async (device) => {
    const rows: HostUnitRows = {
      firsts: [0, 30, 60],
      counts: Uint32Array.of(30, 28),
      documents: Uint32Array.from(
        { length: 60 },
        (_, unit) => unit < 12 ? 0 : unit < 30 ? 12 : unit < 58 ? 30 : unit,
      ),
    };
    for (let seed = 0; seed < 40; seed++) {
      using _scope = new Scope();
      const draw = new Draw(seed);
      const { rule } = drawGrouping(draw);
      const options = { ...rule, ...drawSizes(draw) };
      const scores = drawScores(draw, 60);
      const changed = draw.integer(0, 60);
      const others = scores.slice();
      others.set(
        drawScores(draw, 60).subarray(changed, changed < 30 ? 30 : 60),
        changed,
      );
      const unitRows = upload(device, rows);
      const [before, after] = [scores, others].map((scores) =>
        groupScores(device, unitRows, scores, options)
      );
      const units = (groups: Groups): Promise<number[][]> =>
        Promise.all([groups.segments.ids, groups.readable].map(async (x) => {
          const all = [...await x.indices()];
          return changed < 30
            ? [...all.slice(0, changed), ...all.slice(30)]
            : all.slice(0, changed);
        }));
      assertEquals(await units(before!), await units(after!), `seed ${seed}`);
    }
  },
);

Deno.test("groupByScores() refuses what does not fit", () => {
  using _scope = new Scope();
  const device = devices[0]!;
  const rule = {
    ...{ rule: "above", lookback: false, most: 4, threshold: 1 } as const,
    ...{ slots: 1, window: 8 },
  };
  const rows = (width: number): UnitRows =>
    upload(device, {
      firsts: [0, width],
      counts: Uint32Array.of(width),
      documents: new Uint32Array(width),
    });
  const group = (width: number, scores: number, capacity: number): Groups =>
    groupScores(device, rows(width), new Float32Array(scores), {
      ...rule,
      capacity,
    });
  assertThrows(
    () => group(4, 3, 2),
    ShapeError,
    "Cannot apply groupByScores to [3] and [4]: expected a score for each unit",
  );
  assertThrows(
    () => group(4, 4, 1),
    RangeError,
    "Cannot group units: expected room for at least 2 groups, got 1",
  );
  assertThrows(
    () => group(65536, 65536, 2),
    RangeError,
    "Cannot group units: expected at most 65535 rows in a sequence, got 65536",
  );
});
