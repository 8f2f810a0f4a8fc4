import { defineKernel, type Kernel } from "./kernel.ts";
import { LOOP_TURNS } from "./rows.ts";

/** Invocations that share the units. */
const LANES = 256;

/** Digits that add up the invocations' counts in two steps. */
const SIDE = 16;

/** Two bits are decided in each round, from the highest down. */
const ROUNDS = 16;

/** Most units among which the kernel can choose. */
export const MOST_QUANTILE_UNITS: number = LANES *
  (Math.floor(LOOP_TURNS / ROUNDS) - 2 * SIDE);

/**
 * Moves state[0] towards a quantile of the units' scores, or of their rises,
 * and counts the step in state[1]: the smallest score that the share `quantile`
 * of all does not exceed. Units before place `least` of their document are left
 * out; without any others nothing changes.
 *
 * The move is (quantile - state[0]) max(rate, 10 / (state[1] + 10)): all the
 * way at first, since scores fall fast while a model begins to learn.
 *
 * scores, documents: [units]; state: [2].
 *
 * The score is found digit by digit of its bits, mapped to integers of the same
 * order: so it is one of the scores, the same one on every device.
 */
export const trackQuantileKernel: Kernel<
  "scores" | "documents" | "state",
  "units" | "rise" | "least" | "quantile" | "rate"
> = defineKernel({
  name: "track_quantile",
  reads: { scores: "f32", documents: "u32" },
  writes: { state: "f32" },
  sizes: ["units", "rise", "least", "quantile", "rate"],
  fractions: ["quantile", "rate"],
  wgsl: {
    per: "workgroup",
    threads: LANES,
    items: () => 1,
    declarations: `var<workgroup> shares: array<vec4u, ${LANES}>;
var<workgroup> sums: array<vec4u, ${SIDE}>;`,
    body: `
  var rank = 0u;
  var total = 0u;
  var prefix = 0u;
  ${Array.from({ length: ROUNDS }, (_, i) => round(i)).join("\n  ")}
  if (lane == 0u && total > 0u) {
    let negative = (prefix >> 31u) == 0u;
    let found = bitcast<f32>(select(prefix ^ 0x80000000u, ~prefix, negative));
    let share = max(sizes.rate, 10.0 / (state[1] + 10.0));
    state[0] += share * (found - state[0]);
    state[1] += 1.0;
  }`,
  },
  define: (
    { scores, documents, state },
    { units, rise, least, quantile, rate },
  ) => {
    const known: number[] = [];
    for (let unit = 0; unit < units; unit++) {
      if (unit - documents[unit]! < least) continue;
      const before = rise ? scores[unit - 1]! : 0;
      known.push(Math.fround(scores[unit]! - before));
    }
    if (known.length === 0) return;
    const sorted = Float32Array.from(known).sort();
    const most = Math.fround(Math.fround(quantile) * known.length);
    const found = sorted[Math.max(Math.ceil(most), 1) - 1]!;
    const share = Math.max(rate, 10 / (state[1]! + 10));
    state[0]! += share * (found - state[0]!);
    state[1]! += 1;
  },
  cost: ({ units }) => ({ bytes: 8 * units, flops: 0 }),
});

/**
 * Counts the scores that agree with `prefix` by their next two bits; those that
 * hold the `rank`-th of them join the prefix.
 */
function round(i: number): string {
  const shift = 32 - 2 * (i + 1);
  return `var part${i} = vec4u();
  for (var unit = lane; unit < sizes.units; unit += ${LANES}u) {
    let before = select(0.0, scores[max(unit, 1u) - 1u], sizes.rise == 1u);
    let bits = bitcast<u32>(scores[unit] - before);
    let key = select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
    let counted = unit - documents[unit] >= sizes.least${
    i === 0 ? "" : ` && (key >> ${shift + 2}u) == (prefix >> ${shift + 2}u)`
  };
    let digit = vec4u((key >> ${shift}u) & 3u) == vec4u(0u, 1u, 2u, 3u);
    part${i} += select(vec4u(), vec4u(digit), counted);
  }
  shares[lane] = part${i};
  workgroupBarrier();
  if (lane < ${SIDE}u) {
    var sum = vec4u();
    for (var j = 0u; j < ${SIDE}u; j++) { sum += shares[${SIDE}u * lane + j]; }
    sums[lane] = sum;
  }
  workgroupBarrier();
  var all${i} = vec4u();
  for (var j = 0u; j < ${SIDE}u; j++) { all${i} += sums[j]; }
  ${
    i === 0
      ? `total = all0.x + all0.y + all0.z + all0.w;
  rank = max(u32(ceil(sizes.quantile * f32(total))), 1u) - 1u;`
      : ""
  }
  let below${i} = vec3u(all${i}.x, all${i}.x + all${i}.y, all${i}.x + all${i}.y + all${i}.z);
  let digit${i} = dot(vec3u(1u), vec3u(vec3u(rank) >= below${i}));
  rank -= select(0u, below${i}[max(digit${i}, 1u) - 1u], digit${i} > 0u);
  prefix |= digit${i} << ${shift}u;`;
}
