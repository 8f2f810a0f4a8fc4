import { defineKernel, type Kernel } from "./kernel.ts";
import { LOOP_TURNS } from "./rows.ts";

/** Invocations that share the units. */
const LANES = 256;

/** Digits that add up the invocations' counts in two steps. */
const SIDE = 16;

/** Two bits are decided in each round, from the highest down. */
const ROUNDS = 16;

/** A unit that makes a document of its own, such as padding, is left out. */
const ALONE = 0;
/**
 * The first two units of a document start groups whatever the scores. Where a
 * score decides about the unit behind it, the last one stands for the first.
 */
const FORCED = 1;
/** There is no unit before it from which its score could rise. */
const NEVER = 2;
/** Its score, or its rise, decides. */
const DECIDES = 3;

/** Most units among which the kernel can choose. */
export const MOST_QUANTILE_UNITS: number = LANES *
  (Math.floor(LOOP_TURNS / (ROUNDS + 1)) - 2 * SIDE);

/**
 * Moves state[0] towards a quantile of the units' scores, or of their rises,
 * and counts the step in state[1]. As a threshold, the quantile lets the share
 * `quantile` of all units start no group. Of the wanted starts are taken off
 * those that no score decides: two in each document, and those that a limit of
 * the units in a group made this time, which are the groups, as `groups` has
 * them for each sequence, that the present threshold does not explain. Without
 * a score that decides nothing changes.
 *
 * The move is (quantile - state[0]) max(rate, 10 / (state[1] + 10)): all the
 * way at first, since scores fall fast while a model begins to learn. NaN is
 * above all scores; a quantile that is not finite changes nothing.
 *
 * scores, documents: [units]; groups: [sequences]; state: [2].
 *
 * The score is found digit by digit of its bits, mapped to integers of the same
 * order: so it is one of the scores, the same one on every device.
 */
export const trackQuantileKernel: Kernel<
  "scores" | "documents" | "groups" | "state",
  "units" | "sequences" | "rise" | "lookback" | "quantile" | "rate"
> = defineKernel({
  name: "track_quantile",
  reads: { scores: "f32", documents: "u32", groups: "u32" },
  writes: { state: "f32" },
  sizes: ["units", "sequences", "rise", "lookback", "quantile", "rate"],
  fractions: ["quantile", "rate"],
  wgsl: {
    per: "workgroup",
    threads: LANES,
    items: () => 1,
    declarations: `var<workgroup> shares: array<vec4u, ${LANES}>;
var<workgroup> sums: array<vec4u, ${SIDE}>;
fn kind_of(unit: u32) -> u32 {
  let head = documents[unit];
  let place = unit - head;
  let next = min(unit + 1u, sizes.units - 1u);
  let last = next == unit || documents[next] != head;
  if (place == 0u && last) { return ${ALONE}u; }
  if (place <= sizes.lookback || (last && sizes.lookback == 0u)) { return ${FORCED}u; }
  return select(${DECIDES}u, ${NEVER}u, place == 1u && sizes.rise == 1u);
}
fn score_of(unit: u32) -> f32 {
  return scores[unit] - select(0.0, scores[max(unit, 1u) - 1u], sizes.rise == 1u);
}`,
    body: `
  var kinds = vec4u();
  for (var unit = lane; unit < sizes.units; unit += ${LANES}u) {
    let kind = kind_of(unit);
    let above = kind == ${DECIDES}u && score_of(unit) > state[0];
    kinds += vec4u(vec4<bool>(kind == ${FORCED}u, kind == ${NEVER}u, kind == ${DECIDES}u, above));
  }
  ${sumOf("kinds", "counts")}
  var made = 0u;
  for (var i = 0u; i < sizes.sequences; i++) { made += groups[i]; }
  let total = counts.z;
  let explained = counts.x + sizes.lookback * counts.x / 2u + counts.w;
  let cut = max(made, explained) - explained;
  let still = u32(ceil(sizes.quantile * f32(counts.x + counts.y + total))) + cut;
  var rank = clamp(still, counts.y + 1u, counts.y + max(total, 1u)) - counts.y - 1u;
  var prefix = 0u;
  ${Array.from({ length: ROUNDS }, (_, i) => round(i)).join("\n  ")}
  if (lane == 0u && total > 0u) {
    let negative = (prefix >> 31u) == 0u;
    let bits = select(prefix ^ 0x80000000u, ~prefix, negative);
    if ((bits & 0x7fffffffu) < 0x7f800000u) {
      let share = max(sizes.rate, 10.0 / (state[1] + 10.0));
      state[0] += share * (bitcast<f32>(bits) - state[0]);
      state[1] += 1.0;
    }
  }`,
  },
  define: (
    { scores, documents, groups, state },
    { units, sequences, rise, lookback, quantile, rate },
  ) => {
    const known: number[] = [];
    let forced = 0;
    let never = 0;
    for (let unit = 0; unit < units; unit++) {
      const head = documents[unit]!;
      const place = unit - head;
      const last = unit + 1 === units || documents[unit + 1] !== head;
      if (place === 0 && last) continue;
      if (place <= lookback || (last && lookback === 0)) forced += 1;
      else if (place === 1 && rise === 1) never += 1;
      else {
        const before = rise ? scores[unit - 1]! : 0;
        known.push(Math.fround(scores[unit]! - before));
      }
    }
    if (known.length === 0) return;
    let cut = -forced - lookback * forced / 2;
    for (let i = 0; i < sequences; i++) cut += groups[i]!;
    for (const score of known) if (score > state[0]!) cut -= 1;
    const all = known.length + forced + never;
    const still = Math.ceil(Math.fround(Math.fround(quantile) * all)) +
      Math.max(cut, 0) - never;
    const sorted = Float32Array.from(known).sort();
    const found = sorted[Math.min(Math.max(still, 1), known.length) - 1]!;
    if (!Number.isFinite(found)) return;
    const share = Math.max(rate, 10 / (state[1]! + 10));
    state[0]! += share * (found - state[0]!);
    state[1]! += 1;
  },
  cost: ({ units }) => ({ bytes: 8 * units, flops: 0 }),
});

/** Adds up the invocations' counts `parts` as `all`. */
function sumOf(parts: string, all: string): string {
  return `shares[lane] = ${parts};
  workgroupBarrier();
  if (lane < ${SIDE}u) {
    var sum = vec4u();
    for (var j = 0u; j < ${SIDE}u; j++) { sum += shares[${SIDE}u * lane + j]; }
    sums[lane] = sum;
  }
  workgroupBarrier();
  var ${all} = vec4u();
  for (var j = 0u; j < ${SIDE}u; j++) { ${all} += sums[j]; }`;
}

/**
 * Counts the scores that agree with `prefix` by their next two bits; those that
 * hold the `rank`-th of them join the prefix.
 */
function round(i: number): string {
  const shift = 32 - 2 * (i + 1);
  return `var part${i} = vec4u();
  for (var unit = lane; unit < sizes.units; unit += ${LANES}u) {
    let bits = bitcast<u32>(score_of(unit));
    let ordered = select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
    let key = select(ordered, 0xffffffffu, (bits & 0x7fffffffu) > 0x7f800000u);
    let counted = kind_of(unit) == ${DECIDES}u${
    i === 0 ? "" : ` && (key >> ${shift + 2}u) == (prefix >> ${shift + 2}u)`
  };
    let digit = vec4u((key >> ${shift}u) & 3u) == vec4u(0u, 1u, 2u, 3u);
    part${i} += select(vec4u(), vec4u(digit), counted);
  }
  ${sumOf(`part${i}`, `all${i}`)}
  let below${i} = vec3u(all${i}.x, all${i}.x + all${i}.y, all${i}.x + all${i}.y + all${i}.z);
  let digit${i} = dot(vec3u(1u), vec3u(vec3u(rank) >= below${i}));
  rank -= select(0u, below${i}[max(digit${i}, 1u) - 1u], digit${i} > 0u);
  prefix |= digit${i} << ${shift}u;`;
}
