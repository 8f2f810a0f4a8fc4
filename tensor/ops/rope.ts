import { ropeKernel } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp } from "../op.ts";
import { Tensor } from "../tensor.ts";

/** Options of {@linkcode rope}. */
export interface RopeOptions {
  /** Leading columns that are rotated; the rest is copied. Default all. */
  readonly columns?: number;
}

/**
 * Rotary positions: turns each pair (x_2i, x_2i+1) of every head by an angle
 * that grows with the position of the row. x [R, W] -> [R, W].
 *
 * `table` [P, E] is made by `rotaryTable`; E is the width of a head, and W and
 * `columns` are multiples of it. `positions` [R] (u32) must be below P, which is
 * not checked. For x = qkv [R, 3 D], 2 D columns are rotated.
 *
 * Throws a `ShapeError` when the shapes do not fit.
 *
 * @example Usage
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { openDevice, rope, rotaryTable, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const table = rotaryTable(device, { positions: 4, headWidth: 2, theta: 1e4 });
 * const x = Tensor.from(device, [1, 2], [1, 0]);
 * const positions = Tensor.from(device, [1], Uint32Array.of(3));
 * const [cosine = NaN] = await rope(x, table, positions).data();
 * assertAlmostEquals(cosine, Math.cos(3), 1e-6);
 * ```
 */
export function rope(
  x: Tensor,
  table: Tensor,
  positions: Tensor,
  { columns = x.shape[1] ?? 0 }: RopeOptions = {},
): Tensor {
  return ropeOp([x, table, positions], { columns });
}

const ropeOp = defineOp<[Tensor, Tensor, Tensor], Required<RopeOptions>>({
  name: "rope",
  dtypes: ["f32", "f32", "u32"],
  shape: (shapes, { columns }) => {
    const [x, table, positions] = shapes;
    const [rows = 0, width = 0] = x;
    const headWidth = table[1] ?? NaN;
    const fits = x.length === 2 && table.length === 2 &&
      positions.length === 1 && positions[0] === rows &&
      headWidth % 2 === 0 && width % headWidth === 0 &&
      columns % headWidth === 0 && columns >= 0 && columns <= width;
    if (!fits) {
      throw new ShapeError(
        "rope",
        shapes,
        `expected [R, W], [P, E] and [R] with E even, and W and ${columns} columns multiples of E`,
      );
    }
    return x;
  },
  forward: (out, [x, table, positions], { columns }) =>
    rotate(out, { x, table, positions, columns, direction: 1 }),
  vjp: ({ g, inputs: [, table, positions], attributes: { columns } }) => {
    const dx = Tensor.empty(g.device, g.shape);
    rotate(dx, { x: g, table, positions, columns, direction: -1 });
    return [dx];
  },
});

interface Rotation extends Required<RopeOptions> {
  readonly x: Tensor;
  readonly table: Tensor;
  readonly positions: Tensor;
  /** 1, or -1 to rotate back. */
  readonly direction: 1 | -1;
}

function rotate(
  out: Tensor,
  { x, table, positions, columns, direction }: Rotation,
): void {
  const [rows = 0, width = 0] = x.shape;
  const headWidth = table.shape[1]!;
  out.device.launch(
    ropeKernel,
    {
      x: x.storage,
      table: table.storage,
      positions: positions.storage,
      out: out.storage,
    },
    { rows, width, columns, headWidth, direction },
  );
}
