import { assertEquals } from "@std/assert";
import { CpuDevice } from "../../kernels/cpu_device.ts";
import { Draw } from "../support/for_all.ts";
import { drawCase, foundOn, randomEnds } from "./attention_case.ts";

const QUERIES = 9;
const HEADS = 2;

for (const headWidth of [1, 6, 32, 37]) {
  Deno.test(`attentionRowSimd() gives the bits of attentionSimd(), width ${headWidth}`, async () => {
    using device = new CpuDevice({ threads: 1 });
    const keys = 150; // more than three blocks
    const ends = randomEnds(new Draw(headWidth), QUERIES, keys);
    const spec = { ends, keys, heads: HEADS, headWidth };
    const numbers = drawCase(spec);
    const all = await foundOn(device, spec, numbers);
    const width = HEADS * headWidth;
    for (let query = 0; query < QUERIES; query++) {
      const own = [query, query + 1] as const;
      const alone = {
        ...spec,
        ends: { lo: ends.lo.slice(...own), hi: ends.hi.slice(...own) },
      };
      const row = [query * width, (query + 1) * width] as const;
      const { out, lse } = await foundOn(device, alone, {
        ...drawCase(alone),
        q: numbers.q.slice(...row),
        kv: numbers.kv,
      });
      assertEquals(out, all.out.slice(...row), `query ${query}`);
      assertEquals(
        [...lse],
        [0, 1].map((head) => all.lse[head * QUERIES + query]!),
        `query ${query}`,
      );
    }
  });
}
