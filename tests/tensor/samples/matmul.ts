import { linear, matmul, reshape } from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { numbers, type Sample } from "../sample.ts";

/** op(a) op(b) in float64, for each of `batch` pairs of matrices. */
function product(
  a: number[],
  b: number[],
  [batch, m, n, k]: readonly [number, number, number, number],
  { transposeA = false, transposeB = false } = {},
): number[] {
  return Array.from({ length: batch * m * n }, (_, at) => {
    const [matrix, row, column] = [
      Math.floor(at / (m * n)),
      Math.floor(at / n) % m,
      at % n,
    ];
    let sum = 0;
    for (let i = 0; i < k; i++) {
      const left = transposeA ? i * m + row : row * k + i;
      const right = transposeB ? column * k + i : i * n + column;
      sum += a[matrix * m * k + left]! * b[matrix * k * n + right]!;
    }
    return sum;
  });
}

/** Sizes that meet the vector form, its ragged tiles, and the edge form. */
const SIZES = [
  [1, 8, 8, 8],
  [1, 1, 1, 1],
  [1, 9, 12, 4],
  [2, 3, 5, 7],
  [3, 12, 20, 16],
  [1, 0, 3, 2],
  [1, 3, 0, 2],
  [1, 3, 2, 0],
  [2, 0, 0, 3],
  [0, 3, 2, 4],
] as const;

const products: Sample[] = SIZES.flatMap(([batch, m, n, k]) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): Sample => ({
      op: "matmul",
      note: `${batch} x [${m}, ${k}] [${k}, ${n}]${
        transposeA ? ", a transposed" : ""
      }${transposeB ? ", b transposed" : ""}`,
      inputs: [
        numbers([batch, ...(transposeA ? [k, m] : [m, k])]),
        numbers([batch, ...(transposeB ? [n, k] : [k, n])]),
      ],
      run: (a, b) => matmul(a!, b!, { transposeA, transposeB }),
      reference: (a, b) =>
        product(a!, b!, [batch, m, n, k], { transposeA, transposeB }),
      tolerance: sumOf(4 * k),
      most: 2 ** 100,
    }))
  )
);

function linearSample(
  note: string,
  [rows, inDim, out]: readonly [number, number, number],
  { bias = false, residual = false, tanh = false, flat = false },
): Sample {
  const lead = flat ? [] : [rows];
  return {
    op: "linear",
    note,
    inputs: [
      numbers([...lead, inDim], [-1, 1]),
      numbers([out, inDim], [-1, 1]),
      ...(bias ? [numbers([out])] : []),
      ...(residual ? [numbers([...lead, out])] : []),
    ],
    run: (x, weight, ...rest) =>
      linear(x!, weight!, {
        bias: bias ? rest[0] : undefined,
        residual: residual ? rest.at(-1) : undefined,
        activation: tanh ? (y) => y.tanh() : undefined,
      }),
    reference: (x, weight, ...rest) =>
      product(x!, weight!, [1, rows, out, inDim], { transposeB: true })
        .map((y, i) => bias ? y + rest[0]![i % out]! : y)
        .map((y) => tanh ? Math.tanh(y) : y)
        .map((y, i) => residual ? y + rest.at(-1)![i]! : y),
    tolerance: sumOf(4 * inDim),
    most: 2 ** 100,
  };
}

/** Matrix products and reshapes. */
export const matmulSamples: readonly Sample[] = [
  ...products,
  {
    op: "matmul",
    note: "with one matrix for all of a batch",
    inputs: [numbers([2, 3, 4]), numbers([4, 5])],
    run: (a, b) => matmul(a!, b!),
    reference: (a, b) => product(a!, b!, [1, 6, 5, 4]),
    most: 2 ** 100,
  },
  linearSample("plain", [9, 17, 10], {}),
  linearSample("with bias", [5, 8, 12], { bias: true }),
  linearSample("with residual", [8, 12, 8], { residual: true }),
  linearSample("with everything", [7, 16, 12], {
    bias: true,
    residual: true,
    tanh: true,
  }),
  linearSample("with everything, ragged", [3, 5, 7], {
    bias: true,
    residual: true,
    tanh: true,
  }),
  ...[{}, { bias: true, tanh: true }].map((options) =>
    linearSample(`of squares, ${Object.keys(options).length} options`, [
      6,
      6,
      6,
    ], {
      ...options,
      residual: true,
    })
  ),
  ...[[0, 3, 2], [2, 0, 3], [2, 3, 0], [0, 0, 0]].flatMap(
    ([rows = 0, inDim = 0, out = 0]) =>
      [false, true].map((all) =>
        linearSample(
          `of [${rows}, ${inDim}] to [${rows}, ${out}], ${
            all ? "all" : "alone"
          }`,
          [rows, inDim, out],
          { bias: all, residual: all, tanh: all },
        )
      ),
  ),
  linearSample("of one row", [1, 5, 5], {
    bias: true,
    residual: true,
    tanh: true,
    flat: true,
  }),
  {
    op: "reshape",
    inputs: [numbers([2, 6])],
    run: (x) => reshape(x!, [3, -1]),
    reference: (x) => x!,
  },
];
