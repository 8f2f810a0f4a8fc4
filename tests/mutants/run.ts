/**
 * Plants one fault at a time in a copy of the checkout, and tells which of them
 * no test notices. It takes a minute for each, and many for one that none does.
 *
 * `--seed N` draws other faults, `--count N` more; `--only PATH` plants them in
 * files whose path begins so; `--from N` goes on behind an earlier run; `--near`
 * asks only the tests that are likely to notice; `--known` plants the faults of
 * `known.ts` instead; `--report FILE` takes the times of tests from a JUnit
 * report in place of running all first; `--patience SECONDS` waits longer.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Copy } from "./copy.ts";
import { drawFaults, type Fault, lineOf } from "./faults.ts";
import { judge, type Verdict } from "./judge.ts";
import { KNOWN, type KnownFault } from "./known.ts";
import { readSource, type Source } from "./source.ts";
import { fileTimes } from "./stages.ts";

/** Files in which faults are planted. */
const LIBRARY = /^(kernels|tensor|nn|blt)\/.*(?<!\bmod)\.ts$/;

/** Least share of faults that tests are to notice. */
const LEAST_CAUGHT = 0.95;

const flags = parseArgs(Deno.args, {
  string: ["seed", "count", "only", "report", "patience", "from"],
  boolean: ["known", "near"],
  default: { seed: "1", count: "100", only: "", patience: "60", from: "1" },
});
await using copy = await Copy.of(new URL("../../", import.meta.url).pathname);
const options = {
  times: fileTimes(
    flags.report ? await Deno.readTextFile(flags.report) : await copy.report(),
  ),
  patience: 1000 * Number(flags.patience),
  near: flags.near,
};
const stale = await staleEntries();
const tally = flags.known ? { caught: 0, survived: 0 } : await plantAll();
const share = tally.caught / Math.max(1, tally.caught + tally.survived);
say(`${tally.caught} caught, ${tally.survived} not`);
Deno.exitCode = stale > 0 || tally.survived > 0 && share < LEAST_CAUGHT ? 1 : 0;

/** Plants faults by the flags. */
async function plantAll(): Promise<{ caught: number; survived: number }> {
  const sources = new Map<string, Source>();
  for (const [path, text] of copy.texts) {
    if (!LIBRARY.test(path) || !path.startsWith(flags.only)) continue;
    sources.set(path, readSource(text, path.startsWith("kernels/")));
  }
  const random = numbers(Number(flags.seed));
  const drawn = drawFaults(sources, Number(flags.count), random);
  const tally = { caught: 0, survived: 0 };
  for (const [i, choices] of drawn.entries()) {
    if (i + 1 < Number(flags.from)) continue;
    const kind = await plantOne(`${i + 1}/${drawn.length}`, choices);
    if (kind === "survived") tally.survived++;
    else if (kind !== "invalid") tally.caught++;
  }
  return tally;
}

/** Plants the first fault of some that compiles and is not known. */
async function plantOne(
  number: string,
  choices: readonly Fault[],
): Promise<Verdict["kind"]> {
  for (const fault of choices) {
    const line = lineOf(copy.texts.get(fault.path)!, fault);
    const isKnown = KNOWN.some(({ path, before, after }) =>
      path === fault.path && before === line.before && after === line.after
    );
    if (isKnown) continue;
    const start = performance.now();
    const { kind, by } = await judge(copy, fault, options);
    if (kind === "invalid") continue;
    const seconds = Math.round((performance.now() - start) / 1000);
    say(
      `${kind} ${number} ${fault.path}:${line.line} ${fault.kind}, ` +
        `${seconds} s${by === undefined ? "" : `, ${by}`}`,
    );
    if (kind !== "caught") say(`  - ${line.before}\n  + ${line.after}`);
    return kind;
  }
  say(`none ${number}: no fault that compiles`);
  return "invalid";
}

/** Counts entries of `known.ts` that hold no more; plants them if told. */
async function staleEntries(): Promise<number> {
  let stale = 0;
  for (const known of KNOWN) {
    const fault = faultOf(known);
    let state = fault ? "as listed" : "gone";
    if (fault && flags.known) {
      const { kind, by } = await judge(copy, fault, options);
      if (kind !== "survived") state = `no more: ${kind}, ${by}`;
    }
    if (state !== "as listed") stale++;
    if (flags.known || !fault) say(`${state} ${known.path}: ${known.after}`);
  }
  return stale;
}

/** What makes one line of a file another. */
function faultOf({ path, before, after }: KnownFault): Fault | undefined {
  const pattern = new RegExp(`(?<=^ *)${RegExp.escape(before)}$`, "m");
  const at = copy.texts.get(path)?.search(pattern) ?? -1;
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

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
