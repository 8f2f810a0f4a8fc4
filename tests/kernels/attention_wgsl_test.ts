import { assertEquals } from "@std/assert";
import {
  attentionGradKvKernel,
  attentionGradQKernel,
  attentionKernel,
  chooseForm,
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
  name: "attentionTile() and those of its gradients match their definition",
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

Deno.test("attentionTile() is for long intervals on real GPUs", () => {
  const sizes = {
    queries: 100,
    keys: 100,
    heads: 1,
    qStride: 16,
    kvStride: 32,
    kOffset: 0,
    pairs: 1000,
  };
  for (
    const build of [
      attentionKernel,
      attentionGradQKernel,
      attentionGradKvKernel,
    ]
  ) {
    const { forms } = build(16);
    const named = (device: "nvidia" | "software", longest: number): string =>
      forms[chooseForm(build(16), device, { ...sizes, longest })]!.name!;
    assertEquals(named("nvidia", 100), "tiles");
    assertEquals(named("nvidia", 8), "rows");
    assertEquals(named("software", 100), "rows");
    assertEquals(build(520).forms.length, 1);
  }
});
