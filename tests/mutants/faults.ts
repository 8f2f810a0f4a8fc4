import type { Source } from "./source.ts";

/** What runs some code. */
export type Machine = "any" | "gpu" | "processor";

/** One change of a file that some test ought to notice. */
export interface Fault {
  /** File, from the root. */
  readonly path: string;
  /** Kind of change, such as "constant". */
  readonly kind: string;
  /** Its first character. */
  readonly at: number;
  /** Characters that go. */
  readonly length: number;
  /** What comes in their place. */
  readonly by: string;
  /** What runs the place. */
  readonly machine: Machine;
}

interface Kind {
  readonly name: string;
  readonly pattern: RegExp;
  /** What may replace a match. */
  readonly by: (match: RegExpExecArray) => readonly string[];
}

const COMPARISONS: Readonly<Record<string, string>> = {
  ...{ "<": "<=", "<=": "<", ">": ">=", ">=": ">" },
  ...{ "===": "!==", "!==": "===", "==": "!=", "!=": "==" },
};

const OPERATORS: Readonly<Record<string, string>> = {
  ...{ "+": "-", "-": "+", "*": "/", "/": "*", "%": "/" },
  ...{ "<<": ">>", ">>": "<<", ">>>": "<<", "&": "|", "&&": "||", "||": "&&" },
  ...{ "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=" },
};

/** Code that WebGPU does without. */
const PROCESSOR_ONLY = /^kernels\/(wasm\/|cpu_device|\w+_simd)/;

/** Code that makes WGSL, or runs it. */
const GPU_ONLY =
  /^kernels\/(\w+_wgsl|webgpu_device|pipelines|recorder|matmul_text)\.ts$/;

/** Faults to choose from at one place, since some do not compile. */
const CHOICES = 10;

/** Calls whose arguments may be swapped. */
const SYMMETRIC =
  /(^|\.)(max|min|mul|add|dot|imul|eq|ne|and|or|xor|hypot|sameShape)$/;

const KINDS: readonly Kind[] = [
  {
    name: "comparison",
    pattern: /(?<=[^\s\0] )(<=|>=|<|>|[!=]==?)(?=[ \n])/g,
    by: ([found]) => [COMPARISONS[found]!],
  },
  {
    name: "operator",
    pattern: /(?<=[^\s\0] )([-+*/]=?|%|<<|>>>?|&(?= [\d(])|&&|\|\|)(?=[ \n])/g,
    by: ([found]) => [OPERATORS[found]!],
  },
  {
    name: "sign or negation",
    pattern: /(?<=(?:[([{,=?:&]|\|\|) ?|return )(-(?=[\w(])|!(?=[\w(]))/g,
    by: () => [""],
  },
  {
    name: "constant",
    // Not of elements that a pattern takes to be missing: none is.
    pattern:
      /(?<![\w.$#@]|\[(?:[^\]\n]*, )?\w+ = )\d[\d_]*(\.\d+)?(e-?\d+)?(?=[uf]?\b)(?!\w{2})/g,
    by: ([found]) => {
      const value = Number(found.replaceAll("_", ""));
      const point = /\./.test(found) ? ".0" : "";
      return [...new Set([value + 1, value * 2, value * 10])]
        .filter((other) => other !== value && Number.isFinite(other))
        .map((other) => /[.e]/.test(`${other}`) ? `${other}` : other + point);
    },
  },
  {
    name: "bound",
    pattern:
      /(?<![\w.#$)\]!?])[\w.#]+\.length\b(?!\(| =)|(?<=\bfor \([^\n]*; \w+ < )\w+(?=;)/g,
    by: ([found]) => [`(${found} - 1)`, `(${found} + 1)`],
  },
  {
    name: "boolean",
    pattern: /(?<=[=:?(,] |\()(true|false)\b(?! \|)/g,
    by: ([found]) => [`${found === "false"}`],
  },
  {
    name: "statement",
    pattern:
      /(?<=[;{}\0]\n(?: *\n)* +)(?!return\b|throw\b|readonly\b|super\b|let\b|const\b|var\b|using\b|function\b)([\w.#![\]]+ ([-+*/|&]|>>>?|<<)?= [^\n\0]*|(await )?[\w.#![\]]+\([^\n\0]*\)|if \([^\n\0]*\) (return|continue|break)[^\n\0]*);$/gm,
    by: ([found]) => isBalanced(found) ? [";"] : [],
  },
  {
    name: "arguments",
    pattern: /([\w.#]+)\(([\w.]+!?), ([\w.]+!?)\)(?! (=>|\{|->))/g,
    by: ([, name = "", first, second]) =>
      SYMMETRIC.test(name) || first === second
        ? []
        : [`${name}(${second}, ${first})`],
  },
];

/** Every fault that can be planted in a file. */
export function faultsOf(path: string, { code, shaders }: Source): Fault[] {
  const machineOf = (at: number): Machine =>
    GPU_ONLY.test(path) || shaders.filter((edge) => edge <= at).length % 2 === 1
      ? "gpu"
      : PROCESSOR_ONLY.test(path)
      ? "processor"
      : "any";
  return KINDS.flatMap(({ name: kind, pattern, by }) =>
    [...code.matchAll(pattern)].flatMap((match) =>
      by(match).map((by) => ({
        ...{ path, kind, by },
        ...{ at: match.index, length: match[0].length },
        machine: machineOf(match.index),
      }))
    )
  );
}

/** The file with the fault in it. */
export function plant(text: string, { at, length, by }: Fault): string {
  return text.slice(0, at) + by + text.slice(at + length);
}

/** The line of a fault, by number from 1, before and after. */
export function lineOf(
  text: string,
  fault: Fault,
): { readonly line: number; readonly before: string; readonly after: string } {
  const line = text.slice(0, fault.at).split("\n").length;
  const of = (text: string): string => text.split("\n")[line - 1]!.trim();
  return { line, before: of(text), after: of(plant(text, fault)) };
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const letter of text) {
    if ("([{".includes(letter)) depth++;
    if (")]}".includes(letter) && --depth < 0) return false;
  }
  return depth === 0;
}

/**
 * Draws `count` places, spread over the files by how much code they have, and
 * for each some faults of one file to choose from; every kind is as likely.
 * `random` gives numbers in [0, 1).
 */
export function drawFaults(
  files: ReadonlyMap<string, Source>,
  count: number,
  random: () => number,
): Fault[][] {
  const sizes = [...files].map(([path, { code }]) =>
    [path, code.replace(/[\s\0]/g, "").length] as const
  );
  const step = sizes.reduce((sum, [, size]) => sum + size, 0) / count;
  const pick = <T>(from: readonly T[]): T =>
    from[Math.floor(random() * from.length)]!;
  const drawn: Fault[][] = [];
  let next = random() * step;
  for (const [path, size] of sizes) {
    const faults = faultsOf(path, files.get(path)!);
    const kinds = [...Map.groupBy(faults, ({ kind }) => kind).values()];
    for (; next < size; next += step) {
      if (kinds.length === 0) continue;
      drawn.push(Array.from({ length: CHOICES }, () => pick(pick(kinds))));
    }
    next -= size;
  }
  return drawn;
}
