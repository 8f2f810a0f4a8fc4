import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * Which queries see each key, from the keys that each query sees: the first
 * queries end before a key, the last ones begin after it, and those between
 * see it.
 *
 * ofQueries: [queries, 2], ends that never decrease; ofKeys: [keys, 2].
 */
export const invertIntervalsKernel: Kernel<
  "ofQueries" | "ofKeys",
  "queries" | "keys"
> = defineKernel({
  name: "invert_intervals",
  reads: { ofQueries: "u32" },
  writes: { ofKeys: "u32" },
  sizes: ["queries", "keys"],
  wgsl: {
    // One invocation for each end of each key: the first query whose end, or
    // beginning, lies behind the key.
    items: ({ keys }) => 2 * keys,
    body: `
  let side = 1u - id % 2u;
  var low = 0u;
  var high = sizes.queries;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (ofQueries[2u * middle + side] <= id / 2u) { low = middle + 1u; } else { high = middle; }
  }
  ofKeys[id] = low;`,
  },
  define: ({ ofQueries, ofKeys }, { queries, keys }) => {
    let from = 0;
    let to = 0;
    for (let key = 0; key < keys; key++) {
      while (from < queries && ofQueries[2 * from + 1]! <= key) from++;
      while (to < queries && ofQueries[2 * to]! <= key) to++;
      ofKeys[2 * key] = from;
      ofKeys[2 * key + 1] = to;
    }
  },
  cost: ({ queries, keys }) => ({ bytes: 8 * (queries + keys), flops: 0 }),
});
