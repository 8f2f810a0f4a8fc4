import type { DeviceClass, WgslForm } from "./kernel.ts";
import type { MatmulStructure } from "./matmul_structure.ts";
import { storeText, unroll } from "./matmul_text.ts";

/** Steps of k that a tile of each operand holds: 16 KiB for two of 128 rows. */
const DEPTH = 16;

/** Fewest rows and columns for which a tile is worth its idle invocations. */
const NARROWEST = 16;

/**
 * Tiles of 128 x 128 that keep a GPU busy, two for each of its cores; those of
 * NVIDIA as on an H100, the others guessed.
 */
const SLOTS: Readonly<Record<DeviceClass, number>> = {
  software: 0,
  nvidia: 264,
  amd: 192,
  intel: 64,
  apple: 64,
  unknown: 64,
};

/** Sizes of a matrix product that decide over its form. */
type ProductSizes = Readonly<Record<"m" | "n" | "k", number>>;

/** Fewest steps of k in one of the parts that a sum is split into. */
const SHORTEST_PART = 512;

/** Tiles of `edge` rows and columns in one result. */
function tilesOf({ m, n }: ProductSizes, edge: number): number {
  return Math.ceil(m / edge) * Math.ceil(n / edge);
}

/**
 * Steps of k for each part, where the sum over k must be split for a result of
 * few tiles to keep the GPU busy; k where not.
 */
export function partDepth(device: DeviceClass, sizes: ProductSizes): number {
  const { m, n, k } = sizes;
  const parts = Math.min(
    Math.floor(SLOTS[device] / tilesOf(sizes, 128)),
    Math.floor(k / SHORTEST_PART),
  );
  return parts < 2 || Math.min(m, n) < NARROWEST
    ? k
    : Math.ceil(k / parts / DEPTH) * DEPTH;
}

/** Forms of a product of matrices for real GPUs, fastest first. */
export function tileForms(
  structure: MatmulStructure,
): readonly WgslForm<"batch" | "m" | "n" | "k">[] {
  return tiles<"batch">(
    structure,
    ({ batch }) => batch,
    `let at_a = layer * sizes.m * sizes.k;
  let at_b = layer * sizes.k * sizes.n;
  let from_k = 0u;
  let to_k = sizes.k;`,
  );
}

/** The same for a product whose sums over k are left in parts of `depth`. */
export function partForms(
  structure: MatmulStructure,
): readonly WgslForm<"m" | "n" | "k" | "depth">[] {
  return tiles<"depth">(
    structure,
    ({ k, depth }) => Math.ceil(k / depth),
    `let at_a = 0u;
  let at_b = 0u;
  let from_k = layer * sizes.depth;
  let to_k = min(from_k + sizes.depth, sizes.k);`,
  );
}

/** `layers` results of m x n; `start` sets where one reads its operands. */
function tiles<Own extends string>(
  structure: MatmulStructure,
  layers: (sizes: ProductSizes & Readonly<Record<Own, number>>) => number,
  start: string,
): readonly WgslForm<Own | "m" | "n" | "k">[] {
  const { transposeA, transposeB } = structure;
  return ([4, 1] as const).flatMap((width) =>
    ([128, 64] as const).map((edge): WgslForm<Own | "m" | "n" | "k"> => {
      const groups = (
        sizes: ProductSizes & Readonly<Record<Own, number>>,
      ): number => layers(sizes) * tilesOf(sizes, edge);
      return {
        name: `tile ${edge}${width === 4 ? "" : ", any sizes"}`,
        per: "workgroup",
        threads: edge * edge / 64,
        items: groups,
        vectors: width === 4 ? ["a", "b", "c", "bias", "base", "pre"] : [],
        declarations: unroll(
          2,
          (i) =>
            `var<workgroup> tile_${"ab"[i]}: array<vec4f, ${
              DEPTH * edge / 4
            }>;`,
        ),
        body: tileBody(structure, { edge, width, start }),
        fits: (_, { m, n, k }) =>
          width === 1 ||
          n % 4 === 0 && (transposeA ? m : k) % 4 === 0 &&
            (!transposeB || k % 4 === 0),
        prefers: (device, sizes) =>
          device !== "software" && Math.min(sizes.m, sizes.n) >= NARROWEST &&
          (edge === 64 || 2 * groups(sizes) >= SLOTS[device]),
      };
    })
  );
}

/** How a tile is computed. */
interface Tile {
  /** Rows and columns. */
  readonly edge: 128 | 64;
  /** Elements read and written at once: 4 where all rows allow it. */
  readonly width: 4 | 1;
  /** Where the operands begin. */
  readonly start: string;
}

/**
 * An 8 x 8 square of each tile per invocation, as vectors in registers. Both
 * operands pass through workgroup memory, with k along the rows. Rows and
 * columns of an invocation are 4 and 4 that lie half a tile apart, so that
 * neighbours read neighbouring vectors.
 */
function tileBody(
  structure: MatmulStructure,
  { edge, width, start }: Tile,
): string {
  const { transposeA, transposeB } = structure;
  const quads = edge / 4;
  const a = stage("a", "m", transposeA ?? false, { edge, width });
  const b = stage("b", "n", !transposeB, { edge, width });
  // A tile of 128 has as many invocations as both operands have squares of
  // 4 x 4 to load, a tile of 64 half as many.
  const share = (a: string, b: string): string =>
    edge === 128 ? `if (lane < 128u) { ${a} } else { ${b} }` : `${a}\n${b}`;
  const sums = (text: (row: number, vector: number) => string): string =>
    unroll(8, (r) => unroll(2, (v) => text(r, v)));
  return `
  let across = (sizes.n + ${edge - 1}u) / ${edge}u;
  let down = (sizes.m + ${edge - 1}u) / ${edge}u;
  let layer = group / (across * down);
  let tile = group % (across * down);
  let first_m = tile / across * ${edge}u;
  let first_n = tile % across * ${edge}u;
  let x = lane % ${edge / 8}u;
  let y = lane / ${edge / 8}u;
  let block = lane % ${edge}u;
  ${start}
  ${sums((r, v) => `var sum${r}_${v} = vec4f();`)}
  for (var k0 = from_k; k0 < to_k; k0 += ${DEPTH}u) {
    ${a.declare}
    ${edge === 64 ? b.declare : ""}
    ${share(a.load, b.load)}
    workgroupBarrier();
    ${share(a.store, b.store)}
    workgroupBarrier();
    ${
    unroll(DEPTH, (k) =>
      `{
      ${
        unroll(2, (i) =>
          `let a${i} = tile_a[${k * quads + i * quads / 2}u + y];
      let b${i} = tile_b[${k * quads + i * quads / 2}u + x];`)
      }
      ${
        sums((r, v) =>
          `sum${r}_${v} = fma(vec4f(a${r >> 2}[${
            r & 3
          }]), b${v}, sum${r}_${v});`
        )
      }
    }`)
  }
  }
  ${
    sums((r, v) => {
      const row = `first_m + ${(r >> 2) * edge / 2 + (r & 3)}u + 4u * y`;
      const column = `first_n + ${v * edge / 2}u + 4u * x`;
      return unroll(4 / width, (i) => {
        const at = `(layer * sizes.m + row) * (sizes.n / ${width}u) + column`;
        const type = width === 4 ? "vec4f" : "f32";
        const sum = `sum${r}_${v}${width === 4 ? "" : `[${i}]`}`;
        return `{
    let row = ${row};
    let column = (${column}) / ${width}u + ${i}u;
    if (row < sizes.m && column < sizes.n / ${width}u) {
      ${storeText(structure, type, sum, at, "column")}
    }
  }`;
      });
    })
  }`;
}

/**
 * WGSL that brings a square of 4 x 4 of an operand from its buffer into its
 * tile. `along` is the size across k; `deep` operands are stored as [k, along].
 */
function stage(
  operand: "a" | "b",
  along: "m" | "n",
  deep: boolean,
  { edge, width }: Pick<Tile, "edge" | "width">,
): Readonly<Record<"declare" | "load" | "store", string>> {
  const quads = edge / 4;
  // Neighbours load what lies side by side, and store without bank conflicts.
  const [quad, depth] = deep
    ? [`block % ${quads}u`, `block / ${quads}u`]
    : [`block / 2u % ${quads}u`, `block % 2u + block / ${edge / 2}u * 2u`];
  const value = edge === 128 ? "part" : `part_${operand}`;
  const [row, column] = deep
    ? ["k0 + depth", `first_${along} + quad`]
    : [`first_${along} + quad`, "k0 + depth"];
  const length = deep ? `sizes.${along}` : "sizes.k";
  const element = (i: number, j: number): string => {
    const [k, other] = deep ? [i, j] : [j, i];
    const inside =
      `k0 + depth + ${k}u < to_k && first_${along} + quad + ${other}u < sizes.${along}`;
    const at =
      `at_${operand} + (${row} + ${i}u) * ${length} + ${column} + ${j}u`;
    return `select(0.0, f32(${operand}[${at}]), ${inside})`;
  };
  const vector = (i: number): string => {
    if (width === 1) {
      return `vec4f(${[0, 1, 2, 3].map((j) => element(i, j)).join(", ")})`;
    }
    const [k, other] = deep ? [i, 0] : [0, i];
    const inside =
      `k0 + depth + ${k}u < to_k && first_${along} + quad + ${other}u < sizes.${along}`;
    const at =
      `(at_${operand} + (${row} + ${i}u) * ${length} + ${column}) / 4u`;
    return `select(vec4f(), vec4f(${operand}[${at}]), ${inside})`;
  };
  const stored = (i: number): string =>
    deep
      ? `${value}${i}`
      : `vec4f(${[0, 1, 2, 3].map((j) => `${value}${j}[${i}]`).join(", ")})`;
  const place = `let quad = (${quad}) * 4u; let depth = (${depth}) * 4u;`;
  return {
    declare: unroll(4, (i) => `var ${value}${i} = vec4f();`),
    load: `{ ${place}
    ${unroll(4, (i) => `${value}${i} = ${vector(i)};`)} }`,
    store: `{ ${place}
    ${
      unroll(4, (i) =>
        `tile_${operand}[(depth + ${i}u) * ${quads}u + quad / 4u] = ${
          stored(i)
        };`)
    } }`,
  };
}
