import { expandPowers, type Expr, partsOf } from "./expression.ts";
import { PRIMITIVES } from "./primitives.ts";

/** WGSL of some expressions. */
export interface ExpressionSource {
  /** Statements that come first; they declare names `e0`, `e1`, ... */
  readonly statements: string;
  /** The value of each expression, in order. */
  readonly values: readonly string[];
}

/**
 * WGSL statements that compute `outputs` in f32 or four at a time; `input`
 * gives the WGSL of an input's value, of the same type.
 */
export function expressionSource(
  outputs: readonly Expr[],
  type: "f32" | "vec4f",
  input: (index: number) => string,
): ExpressionSource {
  const unsigned = type === "f32" ? "u32" : "vec4u";
  const texts = new Map<Expr, string>();
  const statements: string[] = [];
  const roots = expandPowers(outputs);
  for (const part of partsOf(roots)) {
    if (part.op === "constant") {
      texts.set(part, `${type}(${literal(part.value)})`);
      continue;
    }
    const name = `e${statements.length}`;
    let text: string;
    if (part.op === "input") text = input(part.value);
    else {
      const [x = "", y = "", z = ""] = part.args.map((arg) => texts.get(arg)!);
      const names: Record<string, string> = { x, y, z, F: type, U: unsigned };
      const { wgsl } = PRIMITIVES[part.op];
      text = wgsl.replace(/\b[xyzFU]\b/g, (letter) => names[letter]!);
    }
    statements.push(`let ${name} = ${text};`);
    texts.set(part, name);
  }
  return {
    statements: statements.join("\n  "),
    values: roots.map((output) => texts.get(output)!),
  };
}

/** A number as WGSL; without a point it would be an integer, and may not fit. */
function literal(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
