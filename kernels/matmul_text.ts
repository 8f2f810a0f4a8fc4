import { expressionSource } from "./expression_wgsl.ts";
import type { MatmulStructure } from "./matmul_structure.ts";

/** Calls `text` for 0 to count - 1 and joins the lines. */
export function unroll(count: number, text: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => text(i)).join("\n");
}

/**
 * WGSL that takes results of one row, an element or a vector of columns, from
 * their sums to `c`; `column` counts elements or vectors, as `at` does.
 */
export function storeText(
  { bias, base, activation }: MatmulStructure,
  type: "f32" | "vec4f",
  sum: string,
  at: string,
  column: string,
): string {
  const argument = bias ? `${sum} + bias[${column}]` : sum;
  const plus = base ? ` + base[${at}]` : "";
  if (!activation) return `c[${at}] = ${argument}${plus};`;
  const { statements, values } = expressionSource(
    [activation],
    type,
    () => "argument",
  );
  return `let argument = ${argument};
    pre[${at}] = argument;
    ${statements}
    c[${at}] = ${values[0]}${plus};`;
}
