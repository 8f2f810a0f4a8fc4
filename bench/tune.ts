/**
 * Measures the forms of kernels on this adapter, at the shapes of the presets,
 * and writes the table for `openDevice("webgpu", { tuning })`.
 *
 * deno task tune [file, default tuning.json] [rows of a batch, default 8192]
 */
// deno-lint-ignore-file no-console -- what it found is its output
import { openDevice, tune } from "../tensor/mod.ts";

const [file = "tuning.json", count = "8192"] = Deno.args;
const rows = Number(count);
if (!Number.isInteger(rows) || rows < 1) {
  throw new RangeError(
    `Cannot tune: expected a positive number of rows, got ${count}`,
  );
}
using device = await openDevice("webgpu");
console.log(device.description);
const table = await tune(device, {
  linear: [64, 128, 256, 512, 768].flatMap((dim) => [
    { rows, inDim: dim, outDim: dim },
    { rows, inDim: dim, outDim: 3 * dim },
    { rows, inDim: 3 * dim, outDim: dim },
  ]),
  attention: [[2, 32], [4, 32], [4, 64], [8, 64], [12, 64]].map(
    ([heads = 0, headWidth = 0]) => ({ rows, heads, headWidth, window: 512 }),
  ),
});
await Deno.writeTextFile(file, JSON.stringify(table, undefined, 2) + "\n");
console.log(`${Object.keys(table).length} choices in ${file}`);
