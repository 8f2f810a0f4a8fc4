import { assertEquals } from "@std/assert";
import {
  attentionGradKvKernel,
  attentionGradQKernel,
  attentionKernel,
  chooseForm,
  type DeviceClass,
  openDevice,
} from "../../kernels/mod.ts";
import { causal, type Ends } from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { devices } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import {
  type AttentionCase,
  drawCase,
  expectedOf,
  foundOn,
  randomEnds,
  type Result,
} from "./attention_case.ts";

/** Heads of vectors and of single numbers, tiles of 32 rows and of fewer. */
const CASES: readonly AttentionCase[] = [
  { ends: causal([70, 3, 66]), keys: 139, heads: 2, headWidth: 16 },
  { ends: causal([130], 40), keys: 130, heads: 1, headWidth: 64 },
  {
    ends: randomEnds(new Draw(1), 100, 90),
    keys: 90,
    heads: 3,
    headWidth: 5,
  },
  {
    ends: randomEnds(new Draw(2), 65, 64),
    keys: 64,
    heads: 1,
    headWidth: 132,
  },
  { ends: none(64), keys: 64, heads: 1, headWidth: 4 },
];

function none(queries: number): Ends {
  return { lo: new Uint32Array(queries), hi: new Uint32Array(queries) };
}

Deno.test({
  name: "attentionForms() in tiles match their definition",
  ignore: devices.length < 2,
  async fn(): Promise<void> {
    using device = await openDevice("webgpu", { as: "nvidia" });
    for (const spec of CASES) {
      const numbers = drawCase(spec);
      const expected = expectedOf(spec, numbers);
      const found = await foundOn(device, spec, numbers);
      for (const [name, values] of Object.entries(found)) {
        // Scores up to 4 sqrt(E) make a weight lose as many digits.
        const longest = Math.max(spec.keys, spec.ends.lo.length);
        const { absolute } = sumOf(16 * longest);
        const right = expected[name as Result];
        assertClose(values, right, { absolute, relative: 1e-4 }, name);
      }
    }
  },
});

/** Groups of neighbours that are whole, cut short, apart and empty. */
const GROUPS: readonly AttentionCase[] = [
  { ends: causal([1]), keys: 1, heads: 1, headWidth: 1 },
  { ends: causal([5, 3, 9], 4), keys: 17, heads: 3, headWidth: 16 },
  { ends: randomEnds(new Draw(3), 31, 50), keys: 50, heads: 2, headWidth: 5 },
  { ends: none(9), keys: 6, heads: 1, headWidth: 4 },
  {
    ends: {
      lo: Uint32Array.of(2, 9, 9, 20, 20, 24, 39),
      hi: Uint32Array.of(5, 9, 12, 20, 23, 40, 40),
    },
    keys: 40,
    heads: 2,
    headWidth: 8,
  },
];

Deno.test({
  name: "attentionForms() gives the same bits with neighbours as by rows",
  ignore: devices[1]?.class !== "software",
  async fn(): Promise<void> {
    for (const spec of GROUPS) {
      const numbers = drawCase(spec);
      assertEquals(
        await foundOn(devices[1]!, spec, numbers, "neighbours"),
        await foundOn(devices[1]!, spec, numbers, "rows"),
      );
    }
  },
});

Deno.test({
  name: "attentionForms() reads nothing between the intervals of neighbours",
  ignore: devices[1]?.class !== "software",
  async fn(): Promise<void> {
    const spec = {
      ends: { lo: Uint32Array.of(2, 9, 14), hi: Uint32Array.of(4, 10, 15) },
      keys: 16,
      heads: 1,
      headWidth: 4,
    };
    const numbers = drawCase(spec);
    const { kv, ofKeys } = numbers;
    const seen = kv.map((x, i) => {
      const key = Math.floor(i / 8);
      return ofKeys[2 * key] === ofKeys[2 * key + 1] ? NaN : x;
    });
    const { out, dq } = await foundOn(
      devices[1]!,
      spec,
      { ...numbers, kv: seen },
      "neighbours",
    );
    const expected = expectedOf(spec, numbers);
    const sum = sumOf(16 * spec.keys);
    assertClose(out, expected.out, sum);
    assertClose(dq, expected.dq, sum);
  },
});

Deno.test("attentionForms() puts tiles on real GPUs, neighbours on software", () => {
  const sizes = {
    queries: 100,
    keys: 100,
    heads: 1,
    qStride: 16,
    kvStride: 32,
    kOffset: 0,
    pairs: 1000,
    longest: 100,
  };
  for (
    const build of [
      attentionKernel,
      attentionGradQKernel,
      attentionGradKvKernel,
    ]
  ) {
    const named = (
      device: DeviceClass,
      changes?: Partial<typeof sizes>,
    ): string | undefined => {
      const { forms } = build(16);
      const form = chooseForm(build(16), device, { ...sizes, ...changes });
      return forms[form]!.name;
    };
    assertEquals(named("nvidia"), "tiles");
    assertEquals(named("nvidia", { longest: 8 }), "rows");
    assertEquals(named("software"), "rows");
    const many = { pairs: 2 ** 16 };
    assertEquals(named("software", many), "neighbours");
    assertEquals(named("software", { ...many, longest: 50_000 }), "rows");
    const few = { ...many, queries: 4, keys: 4 };
    assertEquals(named("software", few), "rows");
    // Software ends the loops of an invocation after 65,535 turns, silently.
    const rows = build(16).forms.at(-1)!;
    const fits = (device: DeviceClass, longest: number): boolean =>
      rows.fits!(device, { ...sizes, longest });
    assertEquals(fits("software", 60_000), true);
    assertEquals(fits("software", 65_536), false);
    assertEquals(fits("nvidia", 65_536), true);
    assertEquals(build(520).forms.length, 1);
  }
});
