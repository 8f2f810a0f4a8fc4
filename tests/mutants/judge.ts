import type { Copy } from "./copy.ts";
import type { Fault } from "./faults.ts";
import { stagesOf } from "./stages.ts";

/** Kinds of faults that the compiler may find; it takes seconds. */
const MAY_NOT_COMPILE = new Set(["arguments", "statement", "sign or negation"]);

/** The longest that tests may take, as a multiple of without a fault. */
const SLOWER = 4;

/** Milliseconds of a file of tests whose time is not known. */
const UNKNOWN = 60_000;

/** What became of a fault. */
export interface Verdict {
  /** "invalid" when it does not compile. */
  readonly kind: "caught" | "timeout" | "survived" | "invalid";
  /** What noticed it. */
  readonly by?: string;
}

/** Options of {@linkcode judge}. */
export interface JudgeOptions {
  /** Milliseconds that each file of tests usually takes. */
  readonly times: ReadonlyMap<string, number>;
  /** Milliseconds that tests have beside a multiple of that. */
  readonly patience: number;
  /** Leaves out what takes minutes and finds little. */
  readonly near: boolean;
}

/** Plants a fault and runs tests until one fails. */
export function judge(
  copy: Copy,
  fault: Fault,
  { times, patience, near }: JudgeOptions,
): Promise<Verdict> {
  return copy.with(fault, async () => {
    if (MAY_NOT_COMPILE.has(fault.kind)) {
      const args = ["check", "--quiet", fault.path];
      const { code } = await copy.deno(args, { limit: patience });
      if (code !== 0) return { kind: "invalid" };
    }
    for (const { tests, gpu, far } of stagesOf(fault, copy.texts, times)) {
      if (far && near) continue;
      const usual = tests.reduce(
        (sum, test) => sum + (times.get(test) ?? UNKNOWN),
        0,
      );
      const { code, output } = await copy.deno(
        ["test", "-A", "--no-check", "--fail-fast", ...tests],
        { limit: SLOWER * usual + patience, gpu },
      );
      if (code === 0) continue;
      const kind = code === undefined ? "timeout" : "caught";
      return { kind, by: lastTest(output) };
    }
    return { kind: "survived" };
  });
}

/** The file that was begun last, and the test in it that failed. */
function lastTest(output: string): string {
  const [, file] =
    [...output.matchAll(/^running \d+ tests? from (\S+)$/gm)].at(-1) ?? [];
  if (file === undefined) return "no test: it does not load";
  const [, test] = /^(.+) \.\.\. FAILED/m.exec(output) ?? [];
  return test === undefined ? file : `${file}: ${test}`;
}
