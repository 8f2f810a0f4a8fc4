import { assert, assertEquals } from "@std/assert";

/** Text of every file by its path; "" unless it is TypeScript or Markdown. */
type Tree = ReadonlyMap<string, string>;

/** Something that holds for the whole repository. */
interface Rule {
  readonly name: string;
  /** One line for each place that breaks the rule. */
  readonly violations: (tree: Tree) => string[];
  /** Files by path that break the rule when they join the tree. */
  readonly broken: readonly Readonly<Record<string, string>>[];
}

const ROOT = new URL("../", import.meta.url);
const LIBRARY = ["kernels", "tensor", "nn", "blt", "mod.ts"];

/** What each part may import besides itself; tests and benches: anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernels: [],
  tensor: ["kernels/mod.ts"],
  nn: ["tensor/mod.ts"],
  blt: ["tensor/mod.ts", "nn/mod.ts"],
  "mod.ts": ["tensor/mod.ts", "nn/mod.ts", "blt/mod.ts"],
  cli: ["tensor/mod.ts", "nn/mod.ts", "blt/mod.ts", "data/moby_dick.txt"],
  "cli.ts": ["cli/main.ts"],
  examples: ["mod.ts"],
};

const TOP_LEVEL = [
  ...LIBRARY,
  ...["cli.ts", "cli", "tests", "bench", "examples", "data"],
  ...["README.md", "CONTRIBUTING.md", "LICENSE"],
  ...["deno.json", "deno.lock", ".gitignore", ".ci"],
];

/** Files, or all files that begin so, whose tests bear another name. */
const COVERED_BY: Readonly<Record<string, string>> = {
  "tensor/ops/": "tests/tensor/ops_test.ts",
};

const RULES: readonly Rule[] = [
  {
    name: "imports run blt -> nn -> tensor -> kernels, through mod.ts",
    violations: (tree) =>
      imports(tree).filter(({ path, target }) => {
        const allowed = MAY_IMPORT[top(path)];
        return allowed && top(path) !== top(target) &&
          !allowed.includes(target);
      }).map(({ path, target }) => `${path} imports ${target}`),
    broken: [
      { "kernels/planted.ts": `import { a } from "../tensor/mod.ts";` },
      { "nn/planted.ts": `import type { A } from "../kernels/mod.ts";` },
      { "blt/planted.ts": `export * from "../tensor/tensor.ts";` },
      { "tensor/planted.ts": `let a: import("../nn/mod.ts").A;` },
      { "examples/planted.ts": `import {\n  a,\n} from "../nn/mod.ts";` },
      { "mod.ts": `export * from "./tests/support/close.ts";` },
    ],
  },
  {
    name: "imports form no cycle",
    violations: cycles,
    broken: [
      { "nn/planted.ts": `import type { A } from "./planted.ts";` },
      {
        "kernels/planted.ts": `/* it's */ export * from "./wasm/planted.ts";`,
        "kernels/wasm/planted.ts": `new URL("../planted.ts", "a"); // "`,
      },
    ],
  },
  {
    name: "the library imports nothing but its own files",
    violations: (tree) =>
      library(tree).flatMap(([path, text]) =>
        specifiers(text).filter((name) => !/^\.\.?\/.*\.ts$/.test(name))
          .map((name) => `${path} imports ${name}`)
      ),
    broken: [
      { "nn/planted.ts": `import { assert } from "@std/assert";` },
      { "nn/planted.ts": `await import("node:fs");` },
      { "nn/planted.ts": `import "npm:a@1";` },
      { "nn/planted.ts": `import { a } from "./planted";` },
      { "kernels/planted.ts": `new URL("./a.wgsl", import.meta.url);` },
    ],
  },
  {
    name: "only kernels/ knows WebGPU, WGSL and WebAssembly",
    violations: (tree) =>
      mentions(
        tree,
        ["tensor", "nn", "blt", "mod.ts", "cli.ts", "cli", "examples"],
        /\bGPU[A-Z]\w*|\bnavigator\.gpu\b|@compute\b|\bWebAssembly\b/,
      ),
    broken: [
      { "tensor/planted.ts": `let device: GPUDevice;` },
      { "blt/planted.ts": "const a = `@compute`;" },
      { "cli/planted.ts": `navigator.gpu;` },
      { "nn/planted.ts": `new WebAssembly.Module(a);` },
    ],
  },
  {
    name: "the library needs no Deno",
    violations: (tree) => mentions(tree, LIBRARY, /\bDeno\b/),
    broken: [{ "kernels/planted.ts": `Deno.readTextFile("a");` }],
  },
  {
    name: "each library file has its test",
    violations: untested,
    broken: [{ "kernels/planted.ts": "export const a = 1;" }],
  },
  {
    name: "no file is longer than 400 lines",
    violations: (tree) =>
      typescript(tree).map(([path, text]) =>
        [path, text.split("\n").length - 1] as const
      ).filter(([, lines]) => lines > 400)
        .map(([path, lines]) => `${path} has ${lines} lines`),
    broken: [{ "bench/planted.ts": "\n".repeat(401) }],
  },
  {
    name: "the compiler sees everything",
    violations: (tree) =>
      typescript(tree).filter(([, text]) =>
        /@ts-(ignore|nocheck)/.test(text) ||
        /(:|<|,|\||&|=>|\bas)\s*any\b|\bany\[\]/.test(withoutStrings(text))
      ).map(([path]) => `${path} has any, or hides an error`),
    broken: [
      { "bench/planted.ts": `let a: any;` },
      { "bench/planted.ts": `let a = b as any;` },
      { "bench/planted.ts": `let a: Map<string, any>;` },
      { "bench/planted.ts": `let a: readonly any[];` },
      { "bench/planted.ts": "// @ts-" + "ignore" },
    ],
  },
  {
    name: "files are named after what is in them",
    violations: (tree) =>
      typescript(tree).map(([path]) => path).filter((path) =>
        !/(^|\/)[a-z0-9_]+\.ts$/.test(path) ||
        /(^|[/_])(utils?|helpers?|common|misc)[/_.]/.test(path)
      ),
    broken: [
      { "blt/utils.ts": "" },
      { "tests/support/test_helpers.ts": "" },
      { "nn/common/planted.ts": "" },
      { "nn/RmsNorm.ts": "" },
    ],
  },
  {
    name: "the top level holds what it should and no more",
    violations: (tree) =>
      [...new Set([...tree.keys()].map(top))]
        .filter((name) => !TOP_LEVEL.includes(name)),
    broken: [{ "src/mod.ts": "" }, { "package.json": "" }],
  },
  {
    name: "the README's map names every folder, and nothing that is gone",
    violations: mapErrors,
    broken: [
      { "planted/mod.ts": "" },
      { "README.md": "## Map\n\n```\nkernels/  machines\n```\n" },
      { "README.md": "## Map\n\n[gone](blt/gone.md)\n" },
      { "README.md": "" },
    ],
  },
];

const repository = await readTree();
for (const { name, violations, broken } of RULES) {
  Deno.test(`architecture: ${name}`, () => {
    assertEquals(violations(repository), []);
  });

  Deno.test(`architecture: the rule is enforced: ${name}`, () => {
    const before = violations(repository);
    for (const files of broken) {
      const tree = new Map([...repository, ...Object.entries(files)]);
      const added = violations(tree).filter((line) => !before.includes(line));
      assert(added.length > 0, `unnoticed: ${JSON.stringify(files)}`);
    }
  });
}

/** All files but those that git ignores. */
async function readTree(): Promise<Tree> {
  const ignore = (await Deno.readTextFile(new URL(".gitignore", ROOT)))
    .split("\n").map((line) => line.replace(/\/$/, "")).concat(".git");
  const tree = new Map<string, string>();
  async function walk(folder: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(at(folder))) {
      const path = folder + name;
      if (ignore.includes(name) || ignore.includes(`*${suffix(name)}`)) {
        continue;
      }
      if (isDirectory) await walk(`${path}/`);
      else {
        const isText = /\.(ts|md)$/.test(name);
        tree.set(path, isText ? await Deno.readTextFile(at(path)) : "");
      }
    }
  }
  await walk("");
  return tree;
}

function at(path: string): URL {
  return new URL(`./${path}`, ROOT);
}

function suffix(name: string): string {
  return name.slice(Math.max(0, name.lastIndexOf(".")));
}

function top(path: string): string {
  return path.split("/")[0]!;
}

function typescript(tree: Tree): [string, string][] {
  return [...tree].filter(([path]) => path.endsWith(".ts"));
}

function library(tree: Tree): [string, string][] {
  return typescript(tree).filter(([path]) => LIBRARY.includes(top(path)));
}

/** Places under `parts` whose code, comments apart, matches `pattern`. */
function mentions(
  tree: Tree,
  parts: readonly string[],
  pattern: RegExp,
): string[] {
  return typescript(tree).flatMap(([path, text]) => {
    const found = parts.includes(top(path)) &&
      pattern.exec(withoutComments(text));
    return found ? [`${path} mentions ${found[0]}`] : [];
  });
}

/** Strings are matched too, since they may hold what looks like a comment. */
const STRING_OR_COMMENT =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*.*?\*\//gs;

function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (_, string) => string ?? " ");
}

function withoutStrings(text: string): string {
  return text.replace(STRING_OR_COMMENT, " ");
}

/** What a file imports, re-exports, or points a worker to. */
function specifiers(text: string): string[] {
  const pattern =
    /(?:\bfrom|\bimport|\bimport\s*\(|\bnew URL\()\s*["']([^"'\n]+)["']/g;
  return [...withoutComments(text).matchAll(pattern)].map(([, name]) => name!);
}

/** Imports of our own files, by whatever path they are named. */
function imports(tree: Tree): { path: string; target: string }[] {
  return typescript(tree).flatMap(([path, text]) =>
    specifiers(text).filter((name) => /^\.\.?\//.test(name)).map((name) => ({
      path,
      target: new URL(name, `file:///${path}`).pathname.slice(1),
    }))
  );
}

/** Library files that can be reached from themselves. */
function cycles(tree: Tree): string[] {
  const targets = Map.groupBy(imports(tree), ({ path }) => path);
  return library(tree).map(([path]) => path).filter((start) => {
    const reached = new Set<string>();
    const open = [start];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      for (const { target } of targets.get(path) ?? []) {
        if (!reached.has(target)) open.push(target);
        reached.add(target);
      }
    }
    return reached.has(start);
  });
}

/** Library files without a test, and exceptions that are none any more. */
function untested(tree: Tree): string[] {
  const used = new Set<string>();
  const missing = library(tree).filter(([path, text]) => {
    const hasBehaviour =
      /^(export )?(async |abstract )?(function|class|const|let)\b/m
        .test(withoutStrings(text));
    if (/(^|\/)mod\.ts$/.test(path) || !hasBehaviour) return false;
    if (tree.has(`tests/${path.replace(/\.ts$/, "_test.ts")}`)) return false;
    // A kernel that has the name of an op is tested through it.
    const op = path.replace(/^kernels\/(.*\/)?/, "tensor/ops/")
      .replace("_wgsl.ts", ".ts");
    if (op !== path && tree.has(op)) return false;
    const exception = Object.keys(COVERED_BY)
      .find((part) => path === part || path.startsWith(part));
    if (exception === undefined) return true;
    used.add(exception);
    return !tree.has(COVERED_BY[exception]!);
  });
  return [
    ...missing.map(([path]) => `${path} has no test`),
    ...Object.keys(COVERED_BY).filter((path) => !used.has(path))
      .map((path) => `${path} needs no exception`),
  ];
}

/** Each line of the section "Map" begins with the paths that it describes. */
function mapErrors(tree: Tree): string[] {
  const readme = tree.get("README.md") ?? "";
  const map = readme.split(/^## /m).find((part) => /^.*\bmap\b/i.test(part));
  const mapped = (map ?? "").split("\n").flatMap((line) => {
    const words = line.replace(/[`|]/g, " ").trim().split(/\s+/);
    const prose = words.findIndex((word) => !/^[\w./-]+(\/|\.\w+)$/.test(word));
    return words.slice(0, prose < 0 ? words.length : prose);
  });
  const linked = [...readme.matchAll(/\]\((?!\w+:|#)(?:\.\/)?([^)#\s]+)/g)];
  const paths = [...tree.keys()];
  const folders = new Set(
    paths.filter((path) => /^\w.*\//.test(path)).map(top),
  );
  return [
    ...[...folders].filter((folder) => !mapped.includes(`${folder}/`))
      .map((folder) => `${folder}/ is not on the map`),
    ...[...mapped, ...linked.map(([, path]) => path!)]
      .filter((name) => !paths.some((path) => path.startsWith(name)))
      .map((name) => `${name} is named in the README and does not exist`),
  ];
}
