import { assert, assertEquals } from "@std/assert";
import {
  BOS,
  groupOnHost,
  type HostGroups,
  lookbackPatches,
  type PatcherConfig,
  patchStarts,
  readablePatches,
  UnitGrouper,
} from "../../blt/mod.ts";
import { forAll } from "../support/for_all.ts";
import {
  drawGrouping,
  drawRule,
  drawScores,
  type GroupingCase,
} from "../tensor/grouping_case.ts";

/** Groups with room for all starts. */
function group({ rows, scores, rule }: GroupingCase): HostGroups {
  return groupOnHost(rows, scores, { ...rule, capacity: 100 });
}

/** One document that fills one sequence. */
function document(scores: Float32Array): GroupingCase["rows"] {
  const { length } = scores;
  return {
    firsts: [0, length],
    counts: Uint32Array.of(length),
    documents: new Uint32Array(length),
  };
}

/** The first `count` units of a sequence, alone. */
function prefix(
  { rows, scores, rule }: GroupingCase,
  sequence: number,
  count: number,
): GroupingCase {
  const first = rows.firsts[sequence]!;
  const documents = rows.documents.slice(first, first + count)
    .map((unit) => unit - first);
  return {
    rows: { firsts: [0, count], counts: Uint32Array.of(count), documents },
    scores: scores.slice(first, first + count),
    rule,
  };
}

/** Whether each unit starts a group. */
function startsOf({ ids }: HostGroups): boolean[] {
  return Array.from(ids, (id, unit) => id !== ids[unit - 1]);
}

Deno.test("groupOnHost() cuts known scores into known groups", () => {
  const scores = Float32Array.of(3, 0.5, 2, 1, 0.2, 1.9, 0.3, 2.5);
  const rows = document(scores);
  const rule = {
    rule: "above",
    lookback: false,
    most: Infinity,
    threshold: 1.5,
    capacity: 6,
  } as const;
  const ahead = groupOnHost(rows, scores, rule);
  assertEquals([...ahead.ids], [0, 1, 1, 2, 2, 2, 3, 3]);
  assertEquals([...ahead.readable], [0, 0, 1, 1, 1, 2, 2, 3]);
  assertEquals([...ahead.starts], [0, 1, 3, 6, 8, 8]);
  assertEquals([...ahead.ends], [1, 3, 6, 8, 8, 8]);
  assertEquals([...ahead.units.documents], [0, 0, 0, 0, 4, 5]);

  const back = groupOnHost(rows, scores, { ...rule, lookback: true });
  assertEquals([...back.ids], [1, 2, 3, 3, 3, 4, 4, 5]);
  assertEquals([...back.readable], [0, 1, 2, 2, 2, 3, 3, 4]);
  assertEquals([...back.starts], [0, 0, 1, 2, 5, 7]);
  assertEquals([...back.ends], [0, 1, 2, 5, 7, 8]);
  assertEquals([...back.isNull], [1, 0, 0, 0, 0, 0]);

  const short = groupOnHost(rows, scores, { ...rule, capacity: 2 });
  assertEquals([...short.ids], [0, 1, 1, 1, 1, 1, 1, 1]);
  assertEquals([...short.readable], [0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals([...short.overflow], [2]);
});

Deno.test("groupOnHost() groups a document as patchStarts() and its indices", () => {
  forAll((draw) => {
    const scores = drawScores(draw, draw.integer(1, 41));
    return { scores, rule: { ...drawRule(draw), lookback: false } };
  }, ({ scores, rule }) => {
    const rows = document(scores);
    const { threshold, most, every = 0 } = rule;
    const kind = rule.rule === "above" ? "entropy" : "relative";
    const bounded = most === Infinity ? {} : { maxBytes: most };
    const config: PatcherConfig = every > 0
      ? { kind: "static", bytes: every, ...bounded }
      : { kind, threshold, ...bounded };
    const ids = new Uint32Array(scores.length).fill(80);
    ids[0] = BOS;
    const flags = patchStarts({ ids, entropies: scores }, config);
    const groups = group({ rows, scores, rule });
    assertEquals(startsOf(groups).map(Number), [...flags.subarray(0, -1)]);
    assertEquals([...groups.readable], [...readablePatches(flags)]);

    const back = group({ rows, scores, rule: { ...rule, lookback: true } });
    const backFlags = Uint8Array.from([...startsOf(back), false], Number);
    assertEquals(
      [...back.readable],
      [...lookbackPatches(backFlags, rows.documents)].map((id) => id + 1),
    );
  }, 300);
});

Deno.test("groupOnHost() puts every unit into one group of its document", () => {
  forAll(drawGrouping, (drawn) => {
    const { rows, rule } = drawn;
    const { units, starts, ends, ids, isNull } = group(drawn);
    rows.counts.forEach((count, sequence) => {
      const first = rows.firsts[sequence]!;
      const base = sequence * 100;
      let next = first;
      for (let id = base; id < base + units.counts[sequence]!; id++) {
        assertEquals(starts[id], next);
        const document = rows.documents[starts[id]!]!;
        const inside = ids.slice(starts[id], ends[id]);
        assertEquals([...inside], Array(inside.length).fill(id));
        assertEquals(rows.documents[Math.max(next, ends[id]! - 1)], document);
        assertEquals(starts[units.documents[id]!], document);
        assertEquals(inside.length === 0, isNull[id] === 1);
        assert(inside.length <= rule.most);
        next = ends[id]!;
      }
      assertEquals(next, first + count);
    });
  }, 300);
});

Deno.test("groupOnHost() counts the starts that found no room", () => {
  forAll(
    (draw) => ({ ...drawGrouping(draw), capacity: draw.integer(2, 8) }),
    ({ rows, scores, rule, capacity }) => {
      const all = group({ rows, scores, rule });
      const some = groupOnHost(rows, scores, { ...rule, capacity });
      rows.counts.forEach((count, sequence) => {
        const first = rows.firsts[sequence]!;
        const starts = (groups: HostGroups): number =>
          startsOf(groups).slice(first, first + count).filter(Boolean).length;
        assertEquals(some.overflow[sequence], starts(all) - starts(some));
        assert(some.units.counts[sequence]! <= capacity);
      });
    },
    300,
  );
});

Deno.test("UnitGrouper.push() decides as groupOnHost() on every prefix", () => {
  forAll(drawGrouping, (drawn) => {
    const { rows, scores, rule } = drawn;
    rows.counts.forEach((count, sequence) => {
      const grouper = new UnitGrouper(rule);
      for (let i = 0; i < count; i++) {
        const unit = rows.firsts[sequence]! + i;
        const pushed = grouper.push(
          scores[unit]! * (1 + 1e-9), // the same as f32
          rows.documents[unit] === unit,
        );
        const known = group(prefix(drawn, sequence, i + 1));
        const expected = rule.lookback
          ? startsOf(known)[i]
          : known.readable[i] === known.ids[i];
        assertEquals(pushed, expected, `unit ${i} of sequence ${sequence}`);
      }
    });
  }, 150);
});

Deno.test("UnitGrouper.push() begins with a document, and wants more than the threshold", () => {
  const rule = { most: Infinity, threshold: 0.5, lookback: false } as const;
  const rises = new UnitGrouper({ ...rule, rule: "rise" });
  assertEquals(
    [0, 0.5, 1, 1.75].map((score) => rises.push(score)),
    [true, false, false, true],
  );
  const heights = new UnitGrouper({ ...rule, rule: "above" });
  assertEquals(
    [0, 0.5, 0.75].map((score) => heights.push(score)),
    [true, false, true],
  );
});
