/**
 * Cuts a text into patches in several ways and prints them.
 *
 *     deno run examples/patches.ts ["another text"]
 *
 * @module
 */
// deno-lint-ignore-file no-console
import {
  encode,
  patchBounds,
  type PatcherConfig,
  patchStarts,
} from "../mod.ts";

const text = Deno.args[0] ??
  "Call me Ishmael. Some years ago, never mind how long precisely, having " +
    "little or no money in my purse, I thought I would sail about a little.";
const ids = encode(text, { eos: false }); // [T]

/**
 * Entropy of the id behind each id, in nats, by the pairs in the text itself: a
 * stand-in for the small model that a training run makes for this. [T]
 */
function pairEntropies(): Float32Array {
  const followers = Map.groupBy(ids.keys(), (p) => ids[p]!);
  return Float32Array.from(ids, (id) => {
    const places = followers.get(id)!;
    const counts = Map.groupBy(places, (p) => ids[p + 1]);
    return counts.values().reduce((nats, { length }) => {
      const share = length / places.length;
      return nats - share * Math.log(share);
    }, 0);
  });
}

const patchers: readonly PatcherConfig[] = [
  { kind: "byte" },
  { kind: "static", bytes: 5 },
  { kind: "space" },
  { kind: "entropy", threshold: 1.7 },
  { kind: "entropy", threshold: 1.7, maxBytes: 4 },
  { kind: "relative", threshold: 0.5 },
];
const row = { ids, entropies: pairEntropies() };
const bytes = new TextEncoder().encode(text);
for (const patcher of patchers) {
  // Ids begin with one that stands for the start of the document, alone in the
  // first patch; so a patch of bytes begins one place earlier.
  const bounds = patchBounds(patchStarts(row, patcher)).subarray(1)
    .map((bound) => bound - 1);
  const patches = [...bounds.subarray(1)].map((end, i) =>
    new TextDecoder().decode(bytes.subarray(bounds[i], end))
  );
  const { kind, ...settings } = patcher;
  const mean = bytes.length / patches.length;
  console.log(`${kind} ${JSON.stringify(settings)}: ${mean.toFixed(1)} bytes`);
  console.log(`  ${patches.join("|")}\n`);
}
