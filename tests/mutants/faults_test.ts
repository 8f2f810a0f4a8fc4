import { assert, assertEquals } from "@std/assert";
import { drawFaults, faultsOf, lineOf, plant } from "./faults.ts";
import { readSource } from "./source.ts";

const TEXT = `import { a } from "./a.ts"; // 1 + 1

/** At most 7 < 8. */
export interface Sizes {
  readonly most: 3 | 4;
}

export function f(x: number, y: number): number {
  // Comments stay: 5 * 6.
  if (x < 2 && y > 0) throw new RangeError(\`Cannot f: \${x + 1} < 2\`);
  total(x, y);
  const text = \`let z = \${x * 4}u + 1u;\`;
  return g(text, {
    cost: () => [9 * x, list.length],
    exact: true,
  }) - list.length;
}
`;

/** Lines after each fault, by kind. */
function afterEach(shaders: boolean): Record<string, string[]> {
  const faults = faultsOf("f.ts", readSource(TEXT, shaders));
  const lines: Record<string, string[]> = {};
  for (const fault of faults) {
    const { before, after } = lineOf(TEXT, fault);
    assert(before !== after);
    (lines[fault.kind] ??= []).push(after);
  }
  return lines;
}

Deno.test("faultsOf() finds what a test could notice, and no more", () => {
  const throws = "throw new RangeError(`Cannot f: ${x + 1} < 2`);";
  assertEquals(afterEach(false), {
    comparison: [
      `if (x <= 2 && y > 0) ${throws}`,
      `if (x < 2 && y >= 0) ${throws}`,
    ],
    operator: [
      `if (x < 2 || y > 0) ${throws}`,
      "const text = `let z = ${x / 4}u + 1u;`;",
      "}) + list.length;",
    ],
    constant: [
      `if (x < 3 && y > 0) ${throws}`,
      `if (x < 4 && y > 0) ${throws}`,
      `if (x < 20 && y > 0) ${throws}`,
      `if (x < 2 && y > 1) ${throws}`,
      "const text = `let z = ${x * 5}u + 1u;`;",
      "const text = `let z = ${x * 8}u + 1u;`;",
      "const text = `let z = ${x * 40}u + 1u;`;",
    ],
    bound: [
      "}) - (list.length - 1);",
      "}) - (list.length + 1);",
    ],
    boolean: [
      "exact: false,",
    ],
    statement: [";"],
    arguments: ["total(y, x);"],
  });
});

Deno.test("faultsOf() looks into WGSL, and knows it", () => {
  const { operator, constant } = afterEach(true);
  assert(operator!.includes("const text = `let z = ${x * 4}u - 1u;`;"));
  assert(constant!.includes("const text = `let z = ${x * 4}u + 2u;`;"));
  const faults = faultsOf("f.ts", readSource(TEXT, true));
  assertEquals(
    faults.filter(({ machine }) => machine === "gpu").map(({ by }) => by),
    ["-", "2", "10"],
  );
});

Deno.test("plant() changes one place", () => {
  for (const fault of faultsOf("f.ts", readSource(TEXT, true))) {
    const { at, length, by } = fault;
    const planted = plant(TEXT, fault);
    assertEquals(planted.slice(0, at), TEXT.slice(0, at));
    assertEquals(planted.slice(at + by.length), TEXT.slice(at + length));
  }
});

Deno.test("drawFaults() spreads faults over files by their code", () => {
  const files = new Map([
    ["once.ts", readSource(TEXT, false)],
    ["thrice.ts", readSource(TEXT.repeat(3), false)],
  ]);
  let seed = 0;
  const random = (): number => (seed = (seed + 0.381966) % 1);
  const drawn = drawFaults(files, 40, random).map(([fault]) => fault!);
  const of = (path: string): number =>
    drawn.filter((fault) => fault.path === path).length;
  assertEquals([of("once.ts"), of("thrice.ts")], [10, 30]);
  assert(new Set(drawn.map(({ kind }) => kind)).size > 4);
});
