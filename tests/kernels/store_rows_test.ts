import { storeRowsKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

/** Rows stored, width of the table, width and first column of the source. */
const SIZES = [
  { count: 1, width: 1, stride: 1, column: 0, at: 0 },
  { count: 3 * 5, width: 5, stride: 5, column: 0, at: 2 },
  { count: 3 * 5, width: 5, stride: 17, column: 12, at: 0 },
  { count: 2 * 8, width: 8, stride: 24, column: 24 + 8, at: 7 }, // from row 1
  { count: 70_000 * 2, width: 2, stride: 3, column: 1, at: 1 },
  { count: 0, width: 4, stride: 4, column: 0, at: 1 },
];

formsTest(
  storeRowsKernel,
  SIZES.map((sizes) => {
    const { count, width, stride, column, at } = sizes;
    const rows = count / width;
    return {
      // One row more than is stored, on both sides of it.
      buffers: {
        rows: column + (rows + 1) * stride,
        table: (at + rows + 1) * width,
      },
      sizes,
    };
  }),
  EXACT,
);
