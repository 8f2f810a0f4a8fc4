import { assertThrows } from "@std/assert";
import {
  DTypeError,
  rope,
  rotaryTable,
  ShapeError,
  Tensor,
} from "../../../tensor/mod.ts";
import { assertClose, sumOf } from "../../support/close.ts";
import { deviceTest } from "../../support/devices.ts";
import { Draw } from "../../support/for_all.ts";

deviceTest(
  "rope() leaves products that depend on distance only",
  async (device) => {
    const rng = new Draw(1);
    const headWidth = 8;
    const options = { positions: 50, headWidth, theta: 100 };
    const table = rotaryTable(device, options);
    const draw = (): number[] =>
      Array.from({ length: headWidth }, () => 2 * rng.uniform() - 1);
    const [query, key] = [draw(), draw()];
    const products: number[] = [];
    for (const position of [0, 1, 7, 40]) {
      const x = Tensor.from(device, [2, headWidth], [...query, ...key]);
      const at = Uint32Array.of(position + 5, position);
      const positions = Tensor.from(device, [2], at);
      const y = await rope(x, table, positions).data();
      const [a, b] = [y.subarray(0, headWidth), y.subarray(headWidth)];
      products.push(a.reduce((sum, value, i) => sum + value * b[i]!, 0));
    }
    assertClose(products, products.map(() => products[0]!), sumOf(headWidth));
  },
);

deviceTest("rope() refuses shapes that do not fit", (device) => {
  const table = Tensor.empty(device, [9, 4]);
  const positions = Tensor.empty(device, [3], "u32");
  const columns = [[[3, 6], 4], [[3, 8], 6], [[3, 8], 12], [
    [2, 8],
    8,
  ]] as const;
  for (const [shape, columnsRotated] of columns) {
    assertThrows(
      () =>
        rope(Tensor.empty(device, shape), table, positions, {
          columns: columnsRotated,
        }),
      ShapeError,
      "Cannot apply rope to",
    );
  }
  const x = Tensor.empty(device, [3, 6]);
  const odd = Tensor.empty(device, [9, 3]);
  assertThrows(() => rope(x, odd, positions), ShapeError);
  assertThrows(() => rope(x, table, Tensor.empty(device, [3])), DTypeError);
});
