import type { WgslForm } from "./kernel.ts";

/** Turns that an invocation may make in all its loops together. */
export const LOOP_TURNS = 65535;

/**
 * Lowest f32. A maximum begins with it: so -Infinity, minus the maximum of a row
 * of nothing else, is still -Infinity, and NaN is dropped by `max` alone, not by
 * what follows.
 */
export const LOWEST = -3.4028234663852886e38;

/** Invocations that share a row on a real GPU. */
const THREADS = 64;

/** WGSL for one row of a matrix [rows, cols]; the row is in `row`. */
export interface RowSource {
  /** Element of the matrices: a column, or four neighbouring ones. */
  readonly type: "f32" | "vec4f";
  /** Loop over the row: `c` is the element in it, `at` in the matrix. */
  each(statements: string): string;
  /** Declares `name`: the sum over the row of what each loop left in `part`. */
  total(name: string, part: string): string;
  /** Declares `name`: the largest in the row of what loops left in `part`. */
  largest(name: string, part: string): string;
  /** Statements that run once for the row, not once for each invocation. */
  once(statements: string): string;
  /** Value of a matrix in the given column of the row. */
  at(matrix: string, column: string): string;
  /** 1 in the given column of the row, inside `each`, and 0 elsewhere. */
  oneAt(column: string): string;
}

/** What the forms of a row kernel have in common. */
export interface RowKernel {
  /** Buffers that hold rows, or one row for all. */
  readonly matrices: readonly string[];
  /** Loops over the row that `body` makes. */
  readonly loops: number;
  /** Statements for one row. */
  readonly body: (row: RowSource) => string;
}

/**
 * Forms of a kernel that works on rows one by one: a workgroup for each row,
 * or one invocation, which software adapters run faster.
 */
export function rowForms(
  { matrices, loops, body }: RowKernel,
): readonly WgslForm<"rows" | "cols">[] {
  return sharedForms({
    matrices,
    items: ({ rows }) => rows,
    turns: ({ cols }) => loops * cols,
    body: (item, source) =>
      `let row = ${item};
  let first = row * turns;
  ${body(source)}`,
  });
}

/**
 * Forms of a kernel that works on blocks of `block` rows, one row after the
 * other: `block_at` is the number of the block, whose first row is `start`.
 */
export function blockForms(
  { matrices, loops, body }: RowKernel,
): readonly WgslForm<"rows" | "cols" | "block">[] {
  return sharedForms({
    matrices,
    items: ({ rows, block }) => Math.ceil(rows / block),
    turns: ({ cols, block }) => (1 + loops) * block * cols,
    body: (item, source) =>
      `let block_at = ${item};
  let start = block_at * sizes.block;
  let end = min(start + sizes.block, sizes.rows);
  for (var row = start; row < end; row++) {
    let first = row * turns;
    ${body(source)}
  }`,
  });
}

/** Forms whose items are shared by a workgroup, or not. */
function sharedForms<Size extends string>({ matrices, items, turns, body }: {
  readonly matrices: readonly string[];
  readonly items: WgslForm<Size>["items"];
  /** Turns of all loops, if each handled one column in a turn. */
  readonly turns: WgslForm<Size>["items"];
  readonly body: (item: "group" | "id", source: RowSource) => string;
}): readonly WgslForm<Size>[] {
  const form = (threads: number, width: 4 | 1): WgslForm<Size> => ({
    per: threads === 1 ? "invocation" : "workgroup",
    threads: THREADS,
    items,
    vectors: width === 4 ? matrices : [],
    declarations: threads === 1
      ? ""
      : `var<workgroup> shares: array<f32, ${threads}>;`,
    body: `let turns = sizes.cols / ${width}u;
  ${body(threads === 1 ? "id" : "group", rowSource(width, threads))}`,
    fits: (_, sizes) =>
      (sizes as Readonly<Record<string, number>>)["cols"]! % width === 0 &&
      turns(sizes) <= LOOP_TURNS * width * threads,
    prefers: (device) => threads === 1 || device !== "software",
  });
  // The last is for rows that are too long for one invocation.
  return [form(THREADS, 4), form(1, 4), form(1, 1), form(THREADS, 1)];
}

/** WGSL of the sum of the parts of `value`, of `width` columns. */
function lanesSum(value: string, width: 1 | 4): string {
  return width === 4 ? `dot(${value}, vec4f(1.0))` : value;
}

function rowSource(width: 1 | 4, threads: number): RowSource {
  const most = (v: string): string =>
    width === 4 ? `max(max(${v}.x, ${v}.y), max(${v}.z, ${v}.w))` : v;
  const reduce = (
    name: string,
    value: string,
    join: (a: string, b: string) => string,
  ): string => {
    if (threads === 1) return `let ${name} = ${value};`;
    const lines = [`shares[lane] = ${value};`, "workgroupBarrier();"];
    for (let half = threads / 2; half >= 1; half /= 2) {
      const joined = join("shares[lane]", `shares[lane + ${half}u]`);
      lines.push(`if (lane < ${half}u) { shares[lane] = ${joined}; }`);
      lines.push("workgroupBarrier();");
    }
    return [...lines, `let ${name} = shares[0];`, "workgroupBarrier();"]
      .join("\n  ");
  };
  const from = threads === 1 ? "0u" : "lane";
  return {
    type: width === 4 ? "vec4f" : "f32",
    each: (statements) =>
      `for (var c = ${from}; c < turns; c += ${threads}u) {
    let at = first + c;
    ${statements}
  }`,
    total: (name, part) =>
      reduce(name, lanesSum(part, width), (a, b) => `${a} + ${b}`),
    largest: (name, part) =>
      reduce(name, most(part), (a, b) => `max(${a}, ${b})`),
    once: (statements) =>
      threads === 1 ? statements : `if (lane == 0u) { ${statements} }`,
    at: (matrix, column) =>
      width === 4
        ? `${matrix}[first + ${column} / 4u][${column} % 4u]`
        : `${matrix}[first + ${column}]`,
    oneAt: (column) =>
      width === 4
        ? `select(vec4f(), vec4f(1.0), 4u * c + vec4u(0u, 1u, 2u, 3u) == vec4u(${column}))`
        : `select(0.0, 1.0, c == ${column})`,
  };
}
