import { ropeKernel } from "../../kernels/mod.ts";
import { assertClose, ELEMENTWISE } from "../support/close.ts";
import { deviceTest } from "../support/devices.ts";
import { Draw } from "../support/for_all.ts";

deviceTest("ropeKernel matches its definition", async (device) => {
  const rng = new Draw(1);
  const cases = [
    { rows: 1, width: 2, columns: 2, headWidth: 2 },
    { rows: 7, width: 18, columns: 12, headWidth: 6 },
    { rows: 130, width: 192, columns: 128, headWidth: 64 },
    { rows: 3, width: 8, columns: 0, headWidth: 4 },
    { rows: 70_000, width: 4, columns: 4, headWidth: 2 },
  ];
  for (const shape of cases) {
    for (const direction of [1, -1]) {
      const sizes = { ...shape, direction };
      const { rows, width, headWidth } = shape;
      const draw = (length: number): Float32Array =>
        Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
      const numbers = {
        x: draw(rows * width),
        table: draw(10 * headWidth),
        positions: Uint32Array.from({ length: rows }, () => rng.integer(0, 10)),
      };
      const out = new Float64Array(rows * width);
      ropeKernel.define({ ...numbers, out }, sizes);

      const x = device.allocate(4 * rows * width);
      const table = device.allocate(40 * headWidth);
      const positions = device.allocate(4 * rows);
      const result = device.allocate(4 * rows * width);
      device.write(x, numbers.x);
      device.write(table, numbers.table);
      device.write(positions, numbers.positions);
      device.launch(ropeKernel, { x, table, positions, out: result }, sizes);
      const [bytes] = await device.read([result]);
      assertClose(new Float32Array(bytes!), out, ELEMENTWISE);
      for (const storage of [x, table, positions, result]) device.free(storage);
    }
  }
});
