import type { WgslForm } from "./kernel.ts";
import type { MatmulSize, MatmulStructure } from "./matmul_structure.ts";
import { storeText, unroll } from "./matmul_text.ts";
import { tileForms } from "./matmul_tile_wgsl.ts";
import { panelIndexText, panelledText } from "./panels.ts";

/** What one invocation of a form computes, all in registers. */
interface RegisterTile {
  /** Name of the form. */
  readonly name: string;
  /** Rows of results, a multiple of 4. */
  readonly rows: number;
  /** Vectors of four columns, in every row. */
  readonly vectors: number;
  /** As in `WgslForm`. */
  readonly fits?: NonNullable<WgslForm["fits"]>;
  /** As in `WgslForm`. */
  readonly prefers?: NonNullable<WgslForm<MatmulSize>["prefers"]>;
}

/**
 * Software adapters hold a tile in the cache as if it were registers, so that
 * a larger one saves them loads, which for them are one for each lane.
 */
const LARGE: RegisterTile = {
  name: "large registers",
  rows: 32,
  vectors: 4,
  fits: (device) => device === "software",
  // Fewer results would leave threads idle while the shader is compiled.
  prefers: (_, { batch, m, n }) => batch * m * n >= 65_536,
};

const SMALL: RegisterTile = { name: "registers", rows: 8, vectors: 2 };

type Sizes = Readonly<Record<MatmulSize, number>>;

/** Forms of a matrix product, fastest first. */
export function matmulForms(
  structure: MatmulStructure,
): readonly WgslForm<MatmulSize>[] {
  if (structure.panelsB) return [edgeForm(structure)];
  return [
    ...tileForms(structure),
    vectorForm(structure, LARGE),
    vectorForm(structure, SMALL),
    edgeForm(structure),
  ];
}

/**
 * A tile of results per invocation; operands are read as vectors, four steps of
 * k in each turn of the loop. Software adapters like no workgroup memory.
 */
function vectorForm(
  structure: MatmulStructure,
  { name, rows, vectors, fits, prefers }: RegisterTile,
): WgslForm<MatmulSize> {
  const { transposeA, transposeB } = structure;
  const loadA = transposeA
    ? unroll(
      4,
      (i) =>
        unroll(rows / 4, (v) =>
          `let a${i}_${v} = a[at_a + (step * 4u + ${i}u) * m4 + min(quad_row + ${v}u, m4 - 1u)];`),
    )
    : unroll(rows, (r) => `let a${r} = a[at_a + row${r} * k4 + step];`);
  // Steps of a lie apart: a dot would have to gather them.
  const columnsAt = (i: number) => (v: number): string => {
    const values = [0, 1, 2, 3].map((j) => `b${4 * v + j}[${i}]`);
    return `let b${i}_${v} = vec4f(${values.join(", ")});`;
  };
  // Conversions, here and below, do nothing unless b is stored in f16.
  const loadB = transposeB
    ? unroll(
      4 * vectors,
      (j) => `let b${j} = vec4f(b[at_b + column${j} * k4 + step]);`,
    ) + (transposeA ? unroll(4, (i) => unroll(vectors, columnsAt(i))) : "")
    : unroll(
      4,
      (i) =>
        unroll(
          vectors,
          (v) =>
            `let b${i}_${v} = vec4f(b[at_b + (step * 4u + ${i}u) * n4 + quad_${v}]);`,
        ),
    );
  const valueA = (r: number, i: number): string =>
    transposeA ? `a${i}_${r >> 2}[${r & 3}]` : `a${r}[${i}]`;
  const multiply = unroll(rows, (r) =>
    unroll(vectors, (v) => {
      if (transposeB && !transposeA) {
        const dots = [0, 1, 2, 3].map((j) => `dot(a${r}, b${4 * v + j})`);
        return `sum${r}_${v} += vec4f(${dots.join(", ")});`;
      }
      return unroll(4, (i) =>
        `sum${r}_${v} = fma(vec4f(${
          valueA(r, i)
        }), b${i}_${v}, sum${r}_${v});`);
    }));
  return {
    name,
    threads: 32,
    vectors: ["a", "b", "c", "bias", "base", "pre"],
    items: ({ batch, m, n }: Sizes) =>
      batch * Math.ceil(m / rows) * Math.ceil(n / (4 * vectors)),
    fits: (device, sizes: Sizes) => {
      const { m, n, k } = sizes;
      const whole = n % 4 === 0 && k % 4 === 0 && k > 0;
      return whole && (!transposeA || m % 4 === 0) &&
        (fits?.(device, sizes) ?? true);
    },
    ...(prefers ? { prefers } : {}),
    body: `
  let k4 = sizes.k / 4u;
  let n4 = sizes.n / 4u;
  let m4 = sizes.m / 4u;
  let across = (n4 + ${vectors - 1}u) / ${vectors}u;
  let down = (sizes.m + ${rows - 1}u) / ${rows}u;
  let matrix = id / (across * down);
  let tile = id % (across * down);
  let row = (tile / across) * ${rows}u;
  let quad_row = row / 4u;
  let quad = (tile % across) * ${vectors}u;
  ${unroll(vectors, (v) => `let quad_${v} = min(quad + ${v}u, n4 - 1u);`)}
  ${
      transposeB
        ? unroll(4 * vectors, (j) =>
          `let column${j} = quad_${j >> 2} * 4u + ${j & 3}u;`)
        : ""
    }
  ${unroll(rows, (r) => `let row${r} = min(row + ${r}u, sizes.m - 1u);`)}
  let at_a = matrix * sizes.m * k4;
  let at_b = matrix * sizes.k * n4;
  ${unroll(rows, (r) => unroll(vectors, (v) => `var sum${r}_${v} = vec4f();`))}
  for (var step = 0u; step < k4; step++) {
    ${loadA}
    ${loadB}
    ${multiply}
  }
  ${
      unroll(rows, (r) =>
        unroll(vectors, (v) => {
          const column = `(quad + ${v}u)`;
          const at = `(matrix * sizes.m + row + ${r}u) * n4 + ${column}`;
          return `if (row + ${r}u < sizes.m && ${column} < n4) {
    ${storeText(structure, "vec4f", `sum${r}_${v}`, at, column)}
  }`;
        }))
    }`,
  };
}

/** Rows and columns per invocation of the form for any sizes. */
const EDGE = 4;

/** A 4 x 4 tile per invocation, element by element: any sizes. */
function edgeForm(structure: MatmulStructure): WgslForm<MatmulSize> {
  const { transposeA, transposeB, panelsB } = structure;
  const a = (r: number, k: string): string =>
    transposeA
      ? `a[at_a + (${k}) * sizes.m + row${r}]`
      : `a[at_a + row${r} * sizes.k + ${k}]`;
  const b = (j: number, k: string): string =>
    panelsB
      ? `b[at_b + ${panelIndexText(`column${j}`, k)}]`
      : transposeB
      ? `b[at_b + column${j} * sizes.k + ${k}]`
      : `b[at_b + (${k}) * sizes.n + column${j}]`;
  const multiply = (k: string): string =>
    `${unroll(EDGE, (r) => `let a${r} = ${a(r, k)};`)}
    ${unroll(EDGE, (j) => `let b${j} = f32(${b(j, k)});`)}
    ${
      unroll(EDGE, (r) =>
        unroll(EDGE, (j) =>
          `sum${r}_${j} = fma(a${r}, b${j}, sum${r}_${j});`))
    }`;
  return {
    name: "registers, any sizes",
    items: ({ batch, m, n }: Sizes) =>
      batch * Math.ceil(m / EDGE) * Math.ceil(n / EDGE),
    body: `
  let across = (sizes.n + ${EDGE - 1}u) / ${EDGE}u;
  let down = (sizes.m + ${EDGE - 1}u) / ${EDGE}u;
  let matrix = id / (across * down);
  let tile = id % (across * down);
  let row = (tile / across) * ${EDGE}u;
  let column = (tile % across) * ${EDGE}u;
  ${unroll(EDGE, (r) => `let row${r} = min(row + ${r}u, sizes.m - 1u);`)}
  ${unroll(EDGE, (j) => `let column${j} = min(column + ${j}u, sizes.n - 1u);`)}
  let at_a = matrix * sizes.m * sizes.k;
  let at_b = matrix * sizes.k * ${
      panelsB ? panelledText("sizes.n") : "sizes.n"
    };
  ${unroll(EDGE, (r) => unroll(EDGE, (j) => `var sum${r}_${j} = 0.0;`))}
  let whole = sizes.k / 4u;
  for (var step = 0u; step < whole; step++) {
    ${unroll(4, (i) => `{ ${multiply(`step * 4u + ${i}u`)} }`)}
  }
  for (var i = whole * 4u; i < sizes.k; i++) {
    ${multiply("i")}
  }
  ${
      unroll(EDGE, (r) =>
        unroll(EDGE, (j) =>
          `if (row + ${r}u < sizes.m && column + ${j}u < sizes.n) {
    ${
            storeText(
              structure,
              "f32",
              `sum${r}_${j}`,
              `(matrix * sizes.m + row + ${r}u) * sizes.n + column + ${j}u`,
              `column + ${j}u`,
            )
          }
  }`))
    }`,
  };
}
