import { defineKernel, type Kernel } from "./kernel.ts";
import { orderSource } from "./order.ts";
import { sumSimd } from "./row_sum_simd.ts";

/** Most elements that one invocation adds up. */
const LONGEST = 1024;

/** Results that keep a GPU busy; with fewer, a reduction takes more stages. */
const ENOUGH = 4096;

/** Sizes of one stage of a reduction. */
export type ReduceSize = "outer" | "length" | "width";

/**
 * Widths of the stages that reduce the middle axis of [outer, axis, inner].
 *
 * A stage adds elements `width` apart, so that neighbours in memory belong to
 * neighbouring results, and leaves [outer, width]; the last width is `inner`.
 */
export function stageWidths(
  outer: number,
  axis: number,
  inner: number,
): number[] {
  const widths: number[] = [];
  let left = Math.max(axis, 1); // over no elements, a sum is 0
  do {
    const direct = left <= 64 || left <= LONGEST && outer * inner >= ENOUGH;
    const turns = direct ? left : Math.min(Math.ceil(Math.sqrt(left)), LONGEST);
    left = Math.ceil(left / turns);
    widths.push(left * inner);
  } while (left > 1);
  return widths;
}

/**
 * One stage of a sum: out[o, w] = sum of x[o, w + k width] over all k.
 * x: [outer, length], out: [outer, width]
 */
export const sumKernel: Kernel<"x" | "out", ReduceSize> = defineKernel({
  name: "sum",
  reads: { x: "f32" },
  writes: { out: "f32" },
  sizes: ["outer", "length", "width"],
  wgsl: [{
    items: ({ outer, width }) => outer * width / 4,
    vectors: ["x", "out"],
    body: sumSource("vec4f", "sizes.length / 4u", "sizes.width / 4u"),
    fits: (_, { length, width }) => length % 4 === 0 && width % 4 === 0,
  }, {
    items: ({ outer, width }) => outer * width,
    body: sumSource("f32", "sizes.length", "sizes.width"),
  }],
  define: ({ x, out }, { outer, length, width }) => {
    const totals = new Float64Array(width);
    for (let o = 0; o < outer; o++) {
      const end = (o + 1) * length;
      if (width === 1) {
        let total = 0;
        for (let at = o * length; at < end; at++) total += x[at]!;
        out[o] = total;
        continue;
      }
      totals.fill(0);
      for (let at = o * length; at < end; at += width) {
        const count = Math.min(width, end - at);
        for (let w = 0; w < count; w++) totals[w]! += x[at + w]!;
      }
      out.set(totals, o * width);
    }
  },
  simd: sumSimd,
  cost: ({ outer, length, width }) => ({
    bytes: 4 * outer * (length + width),
    flops: outer * length,
  }),
});

function sumSource(type: string, length: string, width: string): string {
  return `let length = ${length};
  let width = ${width};
  let end = (id / width + 1u) * length;
  var total = ${type}(0.0);
  for (var at = id / width * length + id % width; at < end; at += width) {
    total += x[at];
  }
  out[id] = total;`;
}

/**
 * First stage of a maximum: the largest of x[o, w + k width], and its place
 * along the reduced axis, whose elements are `inner` apart; the first in a tie.
 * NaN is larger than any number. x: [outer, length], value: [outer, width], place: [outer, width]
 */
export const maxKernel: Kernel<
  "x" | "value" | "place",
  ReduceSize | "inner"
> = defineKernel({
  name: "max",
  reads: { x: "f32" },
  writes: { value: "f32", place: "u32" },
  sizes: ["outer", "length", "width", "inner"],
  wgsl: {
    items: ({ outer, width }) => outer * width,
    declarations: orderSource("f32"),
    body: maxSource("(at % sizes.length) / sizes.inner"),
  },
  define: ({ x, value, place }, { outer, length, width, inner }) => {
    for (let id = 0; id < outer * width; id++) {
      const row = Math.floor(id / width) * length;
      let best = id % width;
      let most = x[row + best]!;
      for (let at = best + width; at < length && most === most; at += width) {
        const next = x[row + at]!;
        if (next <= most) continue;
        best = at;
        most = next;
      }
      value[id] = most;
      place[id] = Math.floor(best / inner);
    }
  },
  cost: ({ outer, length, width }) => ({
    bytes: 4 * outer * (length + 2 * width),
    flops: outer * length,
  }),
});

/**
 * Later stage of a maximum, on the results of the stage before.
 * x, places: [outer, length], value: [outer, width], place: [outer, width]
 */
export const maxNextKernel: Kernel<
  "x" | "places" | "value" | "place",
  ReduceSize
> = defineKernel({
  name: "max_next",
  reads: { x: "f32", places: "u32" },
  writes: { value: "f32", place: "u32" },
  sizes: ["outer", "length", "width"],
  wgsl: {
    items: ({ outer, width }) => outer * width,
    declarations: orderSource("f32"),
    body: maxSource("places[at]"),
  },
  define: ({ x, places, value, place }, { outer, length, width }) => {
    for (let id = 0; id < outer * width; id++) {
      const end = (Math.floor(id / width) + 1) * length;
      let best = end - length + id % width;
      for (let at = best + width; at < end; at += width) {
        const [next, most] = [x[at]!, x[best]!];
        const tie = !exceeds(most, next) && places[at]! < places[best]!;
        if (exceeds(next, most) || tie) best = at;
      }
      value[id] = x[best]!;
      place[id] = places[best]!;
    }
  },
  cost: ({ outer, length, width }) => ({
    bytes: 8 * outer * (length + width),
    flops: outer * length,
  }),
});

/** Whether a is larger than b, as NaN is than any number. */
function exceeds(a: number, b: number): boolean {
  return a > b || (a !== a && b === b);
}

function maxSource(placeAt: string): string {
  return `let end = (id / sizes.width + 1u) * sizes.length;
  var at = end - sizes.length + id % sizes.width;
  var best = at;
  var most = order(x[at]);
  var first = ${placeAt};
  for (at += sizes.width; at < end; at += sizes.width) {
    let next = order(x[at]);
    let own = ${placeAt};
    if (next > most || (next == most && own < first)) {
      best = at;
      most = next;
      first = own;
    }
  }
  value[id] = x[best];
  place[id] = first;`;
}

/**
 * Gradient of a maximum: g where the maximum was taken, otherwise 0.
 * g, place: [outer, inner], dx: [outer, axis, inner]
 */
export const maxGradKernel: Kernel<
  "g" | "place" | "dx",
  "outer" | "axis" | "inner"
> = defineKernel({
  name: "max_grad",
  reads: { g: "f32", place: "u32" },
  writes: { dx: "f32" },
  sizes: ["outer", "axis", "inner"],
  wgsl: {
    items: ({ outer, axis, inner }) => outer * axis * inner,
    body: `let row = id / sizes.inner;
  let source = row / sizes.axis * sizes.inner + id % sizes.inner;
  dx[id] = select(0.0, g[source], place[source] == row % sizes.axis);`,
  },
  define: ({ g, place, dx }, { outer, axis, inner }) => {
    dx.fill(0, 0, outer * axis * inner);
    for (let source = 0; source < outer * inner; source++) {
      const row = Math.floor(source / inner) * axis + place[source]!;
      dx[row * inner + source % inner] = g[source]!;
    }
  },
  cost: ({ outer, axis, inner }) => ({
    bytes: 4 * outer * inner * (axis + 2),
    flops: 0,
  }),
});
