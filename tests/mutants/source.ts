/** What of a file can be wrong: the rest of its text is blanked, in place. */
export interface Source {
  /** The text as it is. */
  readonly text: string;
  /** Code, and WGSL in strings and templates; `\0` stands for all else. */
  readonly code: string;
  /** Where WGSL begins and ends, in pairs. */
  readonly shaders: readonly number[];
}

const BLANK = "\0";

/** Strings that hold WGSL, by what stands in front of them. */
const WGSL_STRING = /\bwgsl: *\n? *$/;

/** Parts without behaviour, and the texts of errors. */
const SKIPPED: readonly RegExp[] = [
  /^import\b[^;]*;/gm,
  /^export (\*|\{|type \{)[^;]*;/gm,
  /^(export )?interface [^]*?^}/gm,
  /^(export )?type [^]*?;\n(?=\n|\S)/gm,
  /\bthrow new \w+\([^]*?\);$/gm,
  /\bnew \w*Error\([^]*?\)[;,]$/gm,
  /^ *readonly [\w#]+\??: [^=;{]*;$/gm,
  /\bimplements \w+<[^{]*/g,
];

/** Properties that only say how fast something is, up to their comma. */
const HINTS = /^ *(cost|grain|prefers)(:|\()/gm;

/** Reads a file of the library; `shaders`: whether its templates are WGSL. */
export function readSource(text: string, shaders: boolean): Source {
  const code = text.split("");
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (code[i] !== "\n") code[i] = BLANK;
  };
  // Depth of braces at which each open template goes on.
  const templates: number[] = [];
  const found: number[] = [];
  let depth = 0;
  for (let at = 0; at < text.length;) {
    const rest =
      /^(\/\/.*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|\/(?![ /*=])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n])+\/)/
        .exec(text.slice(at, at + 4000))?.[0];
    const open = text[at] === "`";
    const resumed = text[at] === "}" && templates.at(-1) === depth;
    if (open || resumed) {
      if (resumed) templates.pop();
      const part = /^[`}]((?:\\.|\$(?!\{)|[^`\\$])*)(`|\$\{)/
        .exec(text.slice(at))!;
      const [whole, content = "", end] = part;
      const wgsl = shaders && !/^Cannot |^\w+:/.test(content);
      blank(at, wgsl ? at + 1 : at + whole.length);
      blank(at + whole.length - end!.length, at + whole.length);
      if (wgsl) found.push(at, at + whole.length);
      at += whole.length;
      if (end === "${") templates.push(depth);
    } else if (rest !== undefined) {
      const wgsl = shaders && rest.startsWith('"') &&
        WGSL_STRING.test(text.slice(Math.max(0, at - 40), at));
      if (wgsl) found.push(at, at + rest.length);
      else blank(at, at + rest.length);
      at += rest.length;
    } else {
      if (text[at] === "{") depth++;
      if (text[at] === "}") depth--;
      at++;
    }
  }
  for (const pattern of SKIPPED) {
    for (const { index, 0: part } of text.matchAll(pattern)) {
      blank(index, index + part.length);
    }
  }
  const visible = code.join("");
  for (const { index, 0: part } of visible.matchAll(HINTS)) {
    blank(index, endOfValue(visible, index + part.length - 1));
  }
  return { text, code: code.join(""), shaders: found };
}

/** Where a property ends whose value begins at `from`. */
function endOfValue(code: string, from: number): number {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if ("([{".includes(code[at]!)) depth++;
    if (")]}".includes(code[at]!) && --depth < 0) return at;
    if (",;".includes(code[at]!) && depth === 0) return at;
  }
  return code.length;
}
