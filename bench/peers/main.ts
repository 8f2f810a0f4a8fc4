/**
 * Compares this library with others on the same machine in the same run:
 * `deno task bench:peers --only matmul,club,jax --rounds 5`.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { CANDIDATES, CASES } from "./cases.ts";
import { measure } from "./measure.ts";
import { report } from "./report.ts";

const USAGE = `Options:
  --only WORDS    cases and candidates whose names have one of these, by commas
  --rounds N      samples of each candidate (default 15; 50 for training steps)
  --seconds S     seconds of samples after which a candidate rests (default 60)
Cases: ${CASES.map(({ name }) => name).join(", ")}
Candidates: ${CANDIDATES.join(", ")}`;

/** Those that have one of the words; all when no word is about them. */
function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  words: readonly string[],
): readonly T[] {
  const some = all.filter(({ name }) =>
    words.some((word) => name.includes(word))
  );
  return some.length > 0 ? some : all;
}

async function print(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

const flags = parseArgs(Deno.args, {
  string: ["only", "rounds", "seconds"],
  boolean: ["help"],
});
if (flags.help) {
  await print(USAGE);
  Deno.exit();
}
const words = (flags.only ?? "").split(",").filter((word) => word !== "");
const named = CANDIDATES.map((name) => ({ name }));
const unknown = words.find((word) =>
  ![...CASES, ...named].some(({ name }) => name.includes(word))
);
if (unknown !== undefined) {
  await print(
    `Cannot compare ${unknown}: no case or candidate has it\n${USAGE}`,
  );
  Deno.exit(2);
}
const cases = chosen(CASES, words);
const candidates = chosen(named, words).map(({ name }) => name);
for (const each of cases) {
  const rounds = Number(flags.rounds ?? (each.work.kind === "step" ? 50 : 15));
  const seconds = Number(flags.seconds ?? 60);
  const failures: string[] = [];
  const measured = await measure(
    each,
    candidates,
    { rounds, seconds },
    (name, reason) => failures.push(`- ${name} left out: ${reason}`),
  );
  await print(`${[report(each, measured), ...failures].join("\n")}\n`);
}
