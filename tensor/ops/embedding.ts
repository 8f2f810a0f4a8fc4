import {
  embeddingAddedKernel,
  embeddingGradAddedKernel,
  embeddingGradKernel,
  embeddingKernel,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import type { GatherIndex } from "../gather_index.ts";
import { defineOp } from "../op.ts";
import type { Tensor } from "../tensor.ts";

const apply = defineOp<
  readonly [table: Tensor, base: Tensor | undefined],
  { readonly index: GatherIndex }
>({
  name: "embedding",
  beside: ({ index: { ids, inverse } }) => [ids, inverse?.order],
  shape: ([table, base], { index }) => {
    const [rows, cols] = table;
    if (table.length !== 2 || rows !== index.rows) {
      throw new ShapeError("embedding", [table], `expected [${index.rows}, D]`);
    }
    const shape = [index.ids.shape[0]!, cols!];
    if (base && String(base) !== String(shape)) {
      throw new ShapeError(
        "embedding",
        [table, base],
        `expected a base of shape [${shape.join(", ")}]`,
      );
    }
    return shape;
  },
  forward: (out, [table, base], { index }) => {
    out.device.launch(base ? embeddingAddedKernel : embeddingKernel, {
      table: table.storage,
      ids: index.ids.storage,
      base: (base ?? table).storage,
      out: out.storage,
    }, { rows: out.shape[0]!, each: index.perRow, cols: out.shape[1]! });
  },
  vjp: ({ g, inputs: [table], attributes: { index }, wants, target }) => {
    if (!wants(0)) return [undefined, g];
    const { inverse } = index;
    if (!inverse) {
      throw new TypeError(
        "Cannot differentiate embedding: expected an index made for gradients, got one made without",
      );
    }
    const { into, base } = target(0);
    g.device.launch(base ? embeddingGradAddedKernel : embeddingGradKernel, {
      g: g.storage,
      order: inverse.order.storage,
      offsets: inverse.offsets.storage,
      base: (base ?? g).storage,
      dtable: into.storage,
    }, { ids: index.rows, cols: table.shape[1]!, longest: inverse.longest });
    return [into, g];
  },
});

/**
 * Sums table rows: out[r] = sum over t of table[ids[r, t]], plus base[r].
 *
 * table: [rows, D], index of R results, base: [R, D] -> [R, D]. Throws a `ShapeError`
 * otherwise. The gradient sums in a fixed order; on WebGPU it throws a
 * `RangeError` when one table row is used more than about 260,000 times.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   embedding,
 *   GatherIndex,
 *   openDevice,
 *   Scope,
 *   Tensor,
 * } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const table = Tensor.from(device, [3, 1], [1, 10, 100]);
 * const ids = Uint32Array.of(0, 1, 2, 2);
 * const index = GatherIndex.from(device, ids, { rows: 3, perRow: 2 });
 * assertEquals([...await embedding(table, index).data()], [11, 200]);
 * ```
 */
export function embedding(
  table: Tensor,
  index: GatherIndex,
  { base }: { readonly base?: Tensor } = {},
): Tensor {
  return apply([table, base], { index });
}
