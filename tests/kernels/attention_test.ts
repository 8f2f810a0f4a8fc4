import { assertEquals } from "@std/assert";
import { attentionKernel, chooseForm, type Device } from "../../kernels/mod.ts";
import { causal, type Ends } from "../../tensor/mod.ts";
import { assertClose, sumOf } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";
import {
  type AttentionCase,
  drawCase,
  expectedOf,
  foundOn,
  randomEnds,
  type Result,
} from "./attention_case.ts";

/** Sizes below, at and above the tiles of the fast forms. */
const SIZES = [
  { queries: 1, keys: 1, heads: 1, headWidth: 1 },
  { queries: 5, keys: 7, heads: 2, headWidth: 3 },
  { queries: 9, keys: 8, heads: 3, headWidth: 8 },
  { queries: 33, keys: 129, heads: 2, headWidth: 12 },
  { queries: 100, keys: 9, heads: 4, headWidth: 20 },
  { queries: 17, keys: 300, heads: 1, headWidth: 64 },
  { queries: 7, keys: 5, heads: 1, headWidth: 37 },
];

async function assertRight(device: Device, spec: AttentionCase): Promise<void> {
  const numbers = drawCase(spec);
  const expected = expectedOf(spec, numbers);
  const found = await foundOn(device, spec, numbers);
  for (const [name, values] of Object.entries(found)) {
    // Scores up to 4 sqrt(E) make a weight lose as many digits.
    const { absolute } = sumOf(16 * Math.max(spec.keys, spec.ends.lo.length));
    const right = expected[name as Result];
    assertClose(values, right, { absolute, relative: 1e-4 }, name);
  }
  assertEquals(await foundOn(device, spec, numbers), found);
}

deviceTest(
  "attentionKernel() and its gradients match their definition",
  async (device) => {
    for (const { queries, keys, heads, headWidth } of SIZES) {
      const rng = new Draw(queries);
      for (let i = 0; i < 3; i++) {
        const ends = randomEnds(rng, queries, keys);
        await assertRight(device, { ends, keys, heads, headWidth });
      }
    }
  },
);

deviceTest(
  "attentionKernel() takes intervals of every kind",
  async (device) => {
    const none: Ends = { lo: new Uint32Array(9), hi: new Uint32Array(9) };
    const all: Ends = {
      lo: new Uint32Array(70),
      hi: new Uint32Array(70).fill(70),
    };
    const kinds = [
      none,
      all,
      causal([9]),
      causal([40, 1, 29]),
      causal([70], 5),
    ];
    for (const ends of kinds) {
      const keys = ends.lo.length;
      await assertRight(device, { ends, keys, heads: 2, headWidth: 16 });
    }
  },
);

deviceTest(
  "attentionKernel() survives scores that exp cannot take",
  async (device) => {
    const spec = { ends: causal([40]), keys: 40, heads: 1, headWidth: 4 };
    const drawn = drawCase(spec);
    const numbers = { ...drawn, q: drawn.q.map((x) => 200 * x) };
    const expected = expectedOf(spec, numbers);
    const { out, lse } = await foundOn(device, spec, numbers);
    // Scores near 800 are rounded at 3e-5; their exponentials inherit it.
    assertClose(out, expected.out, { absolute: 1e-3, relative: 0 });
    assertClose(lse, expected.lse, { absolute: 1e-3, relative: 1e-6 });
  },
);

Deno.test("attentionKernel() refuses more turns than a software adapter makes", () => {
  const kernel = attentionKernel(8);
  const sizes = {
    queries: 1,
    heads: 1,
    qStride: 8,
    kvStride: 16,
    kOffset: 0,
    pairs: 70_000,
    longest: 70_000,
  };
  assertEquals(chooseForm(kernel, "nvidia", sizes), 0);
  let message = "";
  try {
    chooseForm(kernel, "software", sizes);
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(
    /Cannot launch attention_8.*"longest":70000/.test(message),
    true,
  );
});
