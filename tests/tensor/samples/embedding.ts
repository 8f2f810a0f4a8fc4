import { embedding, GatherIndex, type Tensor } from "../../../tensor/mod.ts";
import { ELEMENTWISE } from "../../support/close.ts";
import { numbers, type Sample } from "../sample.ts";

/** Every row of `table` used `perRow` at a time, some often, some never. */
function sample(
  [rows, cols]: readonly [number, number],
  ids: readonly number[],
  perRow: number,
  based: boolean,
): Sample {
  const results = ids.length / perRow;
  const run = (table: Tensor, base?: Tensor): Tensor => {
    const all = Uint32Array.from(ids);
    const index = GatherIndex.from(table.device, all, { rows, perRow });
    return embedding(table, index, base ? { base } : {});
  };
  return {
    op: "embedding",
    note: `of ${ids.length} ids, ${perRow} for a row of ${cols}${
      based ? ", added" : ""
    }`,
    inputs: [
      numbers([rows, cols]),
      ...(based ? [numbers([results, cols])] : []),
    ],
    run: (table, base) => run(table!, base),
    reference: (table, base) =>
      Array.from({ length: results * cols }, (_, i) => {
        const [row, column] = [Math.floor(i / cols), i % cols];
        return ids.slice(row * perRow, (row + 1) * perRow).reduce(
          (sum, id) => sum + table![id * cols + column]!,
          base?.[i] ?? 0,
        );
      }),
    tolerance: ELEMENTWISE,
  };
}

export const embeddingSamples: readonly Sample[] = [
  sample([1, 1], [0], 1, false),
  sample([6, 3], [4, 0, 4, 2, 4, 4, 4, 1], 1, false),
  sample([5, 4], [4, 0, 4, 2, 4, 4, 4, 4, 4, 4, 4, 4], 3, false),
  sample([7, 8], [6, 0, 6, 2, 2, 5], 2, true),
  sample([3, 4], [2, 0, 2], 1, true),
  sample([3, 4], [], 1, true),
  sample([0, 4], [], 1, false),
  sample([3, 0], [2, 0], 1, true),
];
