/**
 * Plants one fault at a time in a copy of the checkout and tells which of them
 * no test notices. Takes hours for many faults; `deno task mutants --count 20`.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { drawFaults, type Fault, lineOf, plant } from "./faults.ts";
import { KNOWN } from "./known.ts";
import { readSource, type Source } from "./source.ts";
import { fileTimes, stagesOf } from "./stages.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LIBRARY = /^(kernels|tensor|nn|blt)\/.*(?<!\bmod)\.ts$/;
/** A backend of WebGPU that this system lacks, which leaves no adapter. */
const ELSEWHERE = Deno.build.os === "darwin" ? "dx12" : "metal";
/** Least share of faults that tests are to notice. */
const LEAST_CAUGHT = 0.95;
/** The longest that tests may take, as a multiple of without a fault. */
const SLOWER = 4;
/** Milliseconds of a file of tests that the report does not know. */
const UNKNOWN = 60_000;

/** Kinds of faults that the compiler may find; it takes seconds. */
const MAY_NOT_COMPILE = new Set(["arguments", "statement", "sign or negation"]);

/** What became of a fault; `by` names what noticed it. */
interface Verdict {
  readonly kind: "caught" | "timeout" | "survived" | "invalid";
  readonly by?: string;
}

const flags = parseArgs(Deno.args, {
  string: ["seed", "count", "only", "report", "patience", "from"],
  boolean: ["known", "near"],
  default: { seed: "1", count: "100", only: "", patience: "60", from: "1" },
});
/** Milliseconds that tests have beside that. */
const patience = 1000 * Number(flags.patience);
const tree = await copyTree();
const texts = new Map<string, string>();
for (const path of tree.paths.filter((path) => path.endsWith(".ts"))) {
  texts.set(path, await Deno.readTextFile(`${tree.folder}${path}`));
}
const report = flags.report ?? await unplanted();
const times = fileTimes(await Deno.readTextFile(report));

const tally = { caught: 0, timeout: 0, survived: 0, invalid: 0 };
let stale = 0;
for (const { path, before, after } of KNOWN) {
  const fault = listed(path, before, after);
  if (!fault) {
    stale++;
    say(`GONE      ${path}: ${before}`);
  } else if (flags.known) {
    const { kind, by = "" } = await judge(fault);
    if (kind !== "survived") stale++;
    say(`${kind === "survived" ? "as listed" : "NO MORE  "} ${path}: ${by}`);
  }
}
const sources = new Map<string, Source>();
for (const [path, text] of texts) {
  if (!LIBRARY.test(path) || !path.startsWith(flags.only)) continue;
  sources.set(path, readSource(text, path.startsWith("kernels/")));
}
const seen = new Set<string>();
const drawn = flags.known
  ? []
  : drawFaults(sources, Number(flags.count), numbers(Number(flags.seed)));
for (const [i, choices] of drawn.entries()) {
  if (i + 1 < Number(flags.from)) continue;
  for (const fault of choices) {
    const { path, kind } = fault;
    const { line, before, after } = lineOf(texts.get(path)!, fault);
    if (seen.has(`${path}${before}${after}`)) continue;
    seen.add(`${path}${before}${after}`);
    const known = KNOWN.find((known) =>
      known.path === path && known.before === before && known.after === after
    );
    const start = performance.now();
    const verdict = known
      ? { kind: "survived" as const, by: known.reason }
      : await judge(fault);
    if (verdict.kind === "invalid") continue;
    tally[verdict.kind]++;
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    say(
      `${verdict.kind.padEnd(8)} ${i + 1}/${drawn.length} ${path}:${line} ` +
        `${kind}, ${seconds} s${verdict.by ? `, ${verdict.by}` : ""}`,
      ...(verdict.kind === "survived" ? [`  - ${before}`, `  + ${after}`] : []),
    );
    break;
  }
}
await Deno.remove(tree.folder, { recursive: true });
const caught = tally.caught + tally.timeout;
const share = caught / Math.max(1, caught + tally.survived);
say(
  `${caught} of ${
    caught + tally.survived
  } caught, ${tally.timeout} of them by ` +
    `time; ${stale} entries of known.ts no longer hold`,
);
Deno.exit(
  stale > 0 || caught + tally.survived > 0 && share < LEAST_CAUGHT ? 1 : 0,
);

/** Copies what git knows, and what it does not ignore. */
async function copyTree(): Promise<{ folder: string; paths: string[] }> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-co", "--exclude-standard"],
    cwd: ROOT,
  }).output();
  const paths = new TextDecoder().decode(stdout).trim().split("\n");
  const folder = `${await Deno.makeTempDir({ prefix: "mutants_" })}/`;
  for (const path of paths) {
    await Deno.mkdir(`${folder}${path}`.replace(/[^/]*$/, ""), {
      recursive: true,
    });
    await Deno.copyFile(`${ROOT}${path}`, `${folder}${path}`);
  }
  return { folder, paths };
}

/** Tests the copy as it is; gives the path of the report. */
async function unplanted(): Promise<string> {
  const path = `${tree.folder}unplanted.tmp`;
  const { code } = await deno(
    ["test", "-A", "--no-check", `--junit-path=${path}`, "tests"],
    { limit: 2 ** 31 - 1 },
  );
  if (code !== 0) throw new Error("Cannot plant faults: tests fail without");
  return path;
}

/** Plants a fault, runs tests until one fails, and takes it back. */
async function judge(fault: Fault): Promise<Verdict> {
  const { path } = fault;
  const text = texts.get(path)!;
  const file = `${tree.folder}${path}`;
  await Deno.writeTextFile(file, plant(text, fault));
  try {
    if (
      MAY_NOT_COMPILE.has(fault.kind) &&
      (await deno(["check", "--quiet", path])).code !== 0
    ) {
      return { kind: "invalid" };
    }
    for (const { tests, gpu, far } of stagesOf(fault, texts, times)) {
      if (far && flags.near) continue;
      const usual = tests.reduce(
        (sum, test) => sum + (times.get(test) ?? UNKNOWN),
        0,
      );
      const { code, output } = await deno(
        ["test", "-A", "--no-check", "--fail-fast", ...tests],
        { limit: SLOWER * usual + patience, gpu },
      );
      if (code === 0) continue;
      // Of the last file that was begun.
      const by = [...output.matchAll(/^running \d+ tests? from (\S+)$/gm)]
        .at(-1)?.[1] ?? "no test: it does not load";
      return { kind: code === undefined ? "timeout" : "caught", by };
    }
    return { kind: "survived" };
  } finally {
    await Deno.writeTextFile(file, text);
  }
}

/** Runs Deno in the copy. `code` is absent when it took too long. */
async function deno(
  args: readonly string[],
  { limit = patience, gpu = true }: {
    readonly limit?: number;
    readonly gpu?: boolean;
  } = {},
): Promise<{ readonly code?: number; readonly output: string }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: tree.folder,
    env: {
      NO_COLOR: "1",
      XDG_RUNTIME_DIR: tree.folder,
      ...!gpu && { DENO_WEBGPU_BACKEND: ELSEWHERE, CLUB_REQUIRE_WEBGPU: "0" },
    },
    stdout: "piped",
    stderr: "null",
    detached: true, // with what it starts, a group that can be ended
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    Deno.kill(-process.pid, "SIGKILL");
  }, limit);
  const { code, stdout } = await process.output();
  clearTimeout(timer);
  const output = new TextDecoder().decode(stdout);
  return late ? { output } : { code, output };
}

/** The fault that makes one line of a file another. */
function listed(
  path: string,
  before: string,
  after: string,
): Fault | undefined {
  const text = texts.get(path) ?? "";
  const at = text.search(new RegExp(`(?<=^ *)${RegExp.escape(before)}$`, "m"));
  if (at < 0) return undefined;
  const { length } = before;
  return { path, kind: "known", at, length, by: after, machine: "any" };
}

/** Numbers in [0, 1) by a seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6D2B79F5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

function say(...lines: string[]): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
}
