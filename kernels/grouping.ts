import { defineKernel, type Kernel } from "./kernel.ts";

/** Mark of a unit that its score, or a rule without scores, makes a start. */
const START = 1;

/** Mark of the first unit of a document. */
const FIRST = 2;

/**
 * Marks each unit by what does not depend on the other marks: START where the
 * unit (`lookback` 1) or the one after it (`lookback` 0) starts a group, plus
 * FIRST where a document begins.
 *
 * Forced starts are the first two units of a document. Of the others, those
 * start whose number behind the forced ones is a multiple of `every`; or, when
 * `every` is 0, those whose score, or its `rise` from that of the unit before,
 * is above threshold[0].
 *
 * scores, documents, marks: [units]; threshold: [1] or longer.
 */
export const markUnitsKernel: Kernel<
  "scores" | "threshold" | "documents" | "marks",
  "units" | "rise" | "lookback" | "every"
> = defineKernel({
  name: "mark_units",
  reads: { scores: "f32", threshold: "f32", documents: "u32" },
  writes: { marks: "u32" },
  sizes: ["units", "rise", "lookback", "every"],
  wgsl: {
    items: ({ units }) => units,
    body: `
  let position = id - documents[id];
  var start = position <= sizes.lookback;
  if (!start && sizes.every > 0u) {
    start = (position - sizes.lookback) % sizes.every == 0u;
  } else if (!start && sizes.rise == 0u) {
    start = scores[id] > threshold[0];
  } else if (!start && position > 1u) {
    start = scores[id] - scores[id - 1u] > threshold[0];
  }
  marks[id] = select(0u, ${START}u, start) + select(0u, ${FIRST}u, position == 0u);`,
  },
  define: (
    { scores, threshold, documents, marks },
    { units, rise, lookback, every },
  ) => {
    const theta = threshold[0]!;
    for (let unit = 0; unit < units; unit++) {
      const position = unit - documents[unit]!;
      let start = position <= lookback;
      if (!start && every > 0) start = (position - lookback) % every === 0;
      else if (!start && rise === 0) start = scores[unit]! > theta;
      else if (!start && position > 1) {
        start = Math.fround(scores[unit]! - scores[unit - 1]!) > theta;
      }
      marks[unit] = (start ? START : 0) + (position === 0 ? FIRST : 0);
    }
  },
  cost: ({ units }) => ({ bytes: 12 * units, flops: 2 * units }),
});

/**
 * Numbers the groups of each sequence, with at most `most` units in a group
 * and `capacity` groups, and says which group each unit may read; one
 * invocation walks through one sequence.
 *
 * When the groups are used up, the last one takes all units that are left, and
 * `overflow` counts the starts that were lost. With `lookback`, an empty group
 * stands in front of the first of each document.
 *
 * marks: [units]; firsts: [sequences + 1], the first unit of each, and the end
 * of all; unitCounts: [sequences]; ids, readable: [units], for padding
 * sequences capacity and the end of the sequence's groups; unitsSee:
 * [units, 2], the `slots` slots of the readable group; counts, overflow:
 * [sequences].
 */
export const groupUnitsKernel: Kernel<
  | "marks"
  | "firsts"
  | "unitCounts"
  | "ids"
  | "readable"
  | "unitsSee"
  | "counts"
  | "overflow",
  "sequences" | "units" | "lookback" | "most" | "capacity" | "slots"
> = defineKernel({
  name: "group_units",
  reads: { marks: "u32", firsts: "u32", unitCounts: "u32" },
  writes: {
    ids: "u32",
    readable: "u32",
    unitsSee: "u32",
    counts: "u32",
    overflow: "u32",
  },
  sizes: ["sequences", "units", "lookback", "most", "capacity", "slots"],
  wgsl: {
    items: ({ sequences }) => sequences,
    body: `
  let base = id * sizes.capacity;
  let end = firsts[id] + unitCounts[id];
  var used = 0u;
  var lost = 0u;
  var open = 0u;
  var next_starts = true;
  for (var unit = firsts[id]; unit < end; unit++) {
    let mark = marks[unit];
    let marked = (mark & ${START}u) != 0u;
    let first = (mark & ${FIRST}u) != 0u;
    let starts = select(next_starts, marked || open >= sizes.most, sizes.lookback == 1u);
    if (starts) {
      let needed = select(1u, 1u + sizes.lookback, first);
      let fits = lost == 0u && used + needed <= sizes.capacity;
      used += select(0u, needed, fits);
      lost += select(1u, 0u, fits);
      open = 0u;
    }
    open += 1u;
    let last = unit + 1u == end;
    let document_ends = !last && (marks[min(unit + 1u, end - 1u)] & ${FIRST}u) != 0u;
    next_starts = marked || open >= sizes.most || document_ends;
    let closes = sizes.lookback == 0u && next_starts && lost == 0u && used < sizes.capacity;
    let group = base + used - 1u;
    let reads = select(group - 1u, group, closes);
    ids[unit] = group;
    readable[unit] = reads;
    unitsSee[2u * unit] = reads * sizes.slots;
    unitsSee[2u * unit + 1u] = (reads + 1u) * sizes.slots;
  }
  let behind = base + sizes.capacity;
  for (var unit = end; unit < firsts[id + 1u]; unit++) {
    ids[unit] = sizes.sequences * sizes.capacity;
    readable[unit] = behind;
    unitsSee[2u * unit] = behind * sizes.slots;
    unitsSee[2u * unit + 1u] = behind * sizes.slots;
  }
  counts[id] = used;
  overflow[id] = lost;`,
  },
  define: (
    { marks, firsts, unitCounts, ids, readable, unitsSee, counts, overflow },
    { sequences, lookback, most, capacity, slots },
  ) => {
    for (let sequence = 0; sequence < sequences; sequence++) {
      const base = sequence * capacity;
      const end = firsts[sequence]! + unitCounts[sequence]!;
      let used = 0;
      let lost = 0;
      let open = 0;
      let nextStarts = true;
      for (let unit = firsts[sequence]!; unit < end; unit++) {
        const marked = (marks[unit]! & START) !== 0;
        const first = (marks[unit]! & FIRST) !== 0;
        if (lookback ? marked || open >= most : nextStarts) {
          const needed = first ? 1 + lookback : 1;
          if (lost === 0 && used + needed <= capacity) used += needed;
          else lost += 1;
          open = 0;
        }
        open += 1;
        const documentEnds = unit + 1 < end &&
          (marks[unit + 1]! & FIRST) !== 0;
        nextStarts = marked || open >= most || documentEnds;
        const closes = lookback === 0 && nextStarts && lost === 0 &&
          used < capacity;
        const group = base + used - 1;
        const reads = closes ? group : group - 1;
        ids[unit] = group;
        readable[unit] = reads;
        unitsSee[2 * unit] = reads * slots;
        unitsSee[2 * unit + 1] = (reads + 1) * slots;
      }
      const behind = base + capacity;
      const next = firsts[sequence + 1]!;
      ids.fill(sequences * capacity, end, next);
      readable.fill(behind, end, next);
      unitsSee.fill(behind * slots, 2 * end, 2 * next);
      counts[sequence] = used;
      overflow[sequence] = lost;
    }
  },
  cost: ({ units }) => ({ bytes: 20 * units, flops: 0 }),
});

/**
 * Where each group begins and ends, and the first group of its document, by
 * bisection of the groups of the units. Groups behind those in use are empty
 * and documents of their own; isNull is 1 for the empty groups in use.
 *
 * ids, documents: [units]; firsts, unitCounts: see `groupUnitsKernel`; starts,
 * ends, groupDocuments, isNull: [groups].
 */
export const groupBoundsKernel: Kernel<
  | "ids"
  | "documents"
  | "firsts"
  | "unitCounts"
  | "starts"
  | "ends"
  | "groupDocuments"
  | "isNull",
  "groups" | "capacity" | "lookback"
> = defineKernel({
  name: "group_bounds",
  reads: { ids: "u32", documents: "u32", firsts: "u32", unitCounts: "u32" },
  writes: { starts: "u32", ends: "u32", groupDocuments: "u32", isNull: "f32" },
  sizes: ["groups", "capacity", "lookback"],
  wgsl: {
    items: ({ groups }) => groups,
    body: `
  let first = firsts[id / sizes.capacity];
  let last = first + unitCounts[id / sizes.capacity];
  var start = first;
  var start_most = last;
  while (start < start_most) {
    let middle = (start + start_most) / 2u;
    if (ids[middle] < id) { start = middle + 1u; } else { start_most = middle; }
  }
  var end = start;
  var end_most = last;
  while (end < end_most) {
    let middle = (end + end_most) / 2u;
    if (ids[middle] <= id) { end = middle + 1u; } else { end_most = middle; }
  }
  starts[id] = start;
  ends[id] = end;
  var document = id;
  if (start < last) { document = ids[documents[start]] - sizes.lookback; }
  groupDocuments[id] = document;
  isNull[id] = select(0.0, 1.0, start == end && start < last);`,
  },
  define: (
    {
      ids,
      documents,
      firsts,
      unitCounts,
      starts,
      ends,
      groupDocuments,
      isNull,
    },
    { groups, capacity, lookback },
  ) => {
    for (let sequence = 0; sequence * capacity < groups; sequence++) {
      let unit = firsts[sequence]!;
      const last = unit + unitCounts[sequence]!;
      const base = sequence * capacity;
      for (let group = base; group < base + capacity; group++) {
        const start = unit;
        while (unit < last && ids[unit] === group) unit++;
        starts[group] = start;
        ends[group] = unit;
        groupDocuments[group] = start < last
          ? ids[documents[start]!]! - lookback
          : group;
        isNull[group] = start === unit && start < last ? 1 : 0;
      }
    }
  },
  cost: ({ groups }) => ({ bytes: 24 * groups, flops: 0 }),
});

/**
 * Groups as a sequence in which each sees itself and those before it in its
 * document, `window` in all, and their slots, which see the units. Empty
 * groups see nothing and are not counted by positions.
 *
 * documents, starts, ends, positions: [groups]; sees: [groups, 2]; slotsSee:
 * [groups slots, 2]. `lookback` is the number of empty groups in front of a
 * document.
 */
export const groupSequenceKernel: Kernel<
  "documents" | "starts" | "ends" | "positions" | "sees" | "slotsSee",
  "groups" | "lookback" | "window" | "slots"
> = defineKernel({
  name: "group_sequence",
  reads: { documents: "u32", starts: "u32", ends: "u32" },
  writes: { positions: "u32", sees: "u32", slotsSee: "u32" },
  sizes: ["groups", "lookback", "window", "slots"],
  wgsl: {
    items: ({ groups }) => groups,
    body: `
  let head = documents[id] + sizes.lookback;
  let empty = starts[id] == ends[id];
  positions[id] = select(id - head, 0u, empty);
  sees[2u * id] = select(max(head + sizes.window, id + 1u) - sizes.window, id, empty);
  sees[2u * id + 1u] = select(id + 1u, id, empty);
  for (var slot = id * sizes.slots; slot < (id + 1u) * sizes.slots; slot++) {
    slotsSee[2u * slot] = starts[id];
    slotsSee[2u * slot + 1u] = ends[id];
  }`,
  },
  define: (
    { documents, starts, ends, positions, sees, slotsSee },
    { groups, lookback, window, slots },
  ) => {
    for (let group = 0; group < groups; group++) {
      const head = documents[group]! + lookback;
      const empty = starts[group] === ends[group];
      positions[group] = empty ? 0 : group - head;
      sees[2 * group] = empty ? group : Math.max(head, group + 1 - window);
      sees[2 * group + 1] = empty ? group : group + 1;
      for (let slot = group * slots; slot < (group + 1) * slots; slot++) {
        slotsSee[2 * slot] = starts[group]!;
        slotsSee[2 * slot + 1] = ends[group]!;
      }
    }
  },
  cost: ({ groups, slots }) => ({
    bytes: (24 + 8 * slots) * groups,
    flops: 0,
  }),
});
