import type { Fault } from "./faults.ts";

/** Files of tests that are asked together. */
export interface Stage {
  /** Files, from the root. */
  readonly tests: readonly string[];
  /** Whether they may use WebGPU; the processor alone is asked first. */
  readonly gpu: boolean;
  /** Whether it takes minutes and finds little. */
  readonly far: boolean;
}

/**
 * Which tests are asked about a fault, one stage after the other: those of its
 * file, those of files that import it and of training, then all. Where the
 * processor runs the code too, it comes first; and of the tests of a stage
 * those that take little of `times`, in milliseconds.
 */
export function stagesOf(
  { path, machine }: Fault,
  texts: ReadonlyMap<string, string>,
  times: ReadonlyMap<string, number> = new Map(),
): Stage[] {
  const all = [...texts.keys()].filter((path) =>
    /^tests\/.*_test\.ts$/.test(path)
  );
  const mirrored = new Set(testsOf(path).filter((test) => texts.has(test)));
  const near = new Set([
    ...[...importers(path, texts)].flatMap(testsOf),
    ...all.filter((test) => test.startsWith("tests/training/")),
    ...["tests/blt/recipe_test.ts", "tests/blt/train_test.ts"],
  ].filter((test) => texts.has(test) && !mirrored.has(test)));
  const rest = all.filter((test) => !mirrored.has(test) && !near.has(test));
  const stage = (
    tests: Iterable<string>,
    gpu: boolean,
    far: boolean,
  ): Stage => {
    const usual = (test: string): number => times.get(test) ?? Infinity;
    const sorted = [...tests].sort((a, b) => usual(a) - usual(b));
    return { tests: sorted, gpu, far };
  };
  const stages = [
    stage(mirrored, false, false),
    stage(near, false, false),
    stage(mirrored, true, false),
    stage(rest, false, true),
    stage(near, true, machine === "any"),
    stage(rest, true, true),
  ].filter(({ gpu }) => machine === "any" || gpu === (machine === "gpu"));
  return stages.filter(({ tests }) => tests.length > 0);
}

/** Where tests of a library file may stand. */
function testsOf(path: string): string[] {
  const [, folder, name = ""] = /^(\w+\/(?:.*\/)?)(\w+)\.ts$/.exec(path) ?? [];
  const op = name.replace(/_(wgsl|simd|grad|layout|tile|row|parts)\b.*/, "");
  return [
    `tests/${folder}${name}_test.ts`,
    ...folder === "kernels/" ? [`tests/kernels/${op}_test.ts`] : [],
    ...folder === "tensor/ops/" || folder?.startsWith("kernels/")
      ? ["tests/tensor/ops_test.ts"]
      : [],
  ];
}

/** Files of the library that reach a file by two imports at most. */
function importers(
  path: string,
  texts: ReadonlyMap<string, string>,
): Set<string> {
  const found = new Set([path]);
  for (let round = 0; round < 2; round++) {
    for (const target of [...found]) {
      const name = RegExp.escape(target.split("/").at(-1)!);
      const pattern = new RegExp(`from "[^"]*/${name}"`);
      for (const [path, text] of texts) {
        const isLibrary = !/^(tests|bench|examples)\/|(^|\/)mod\.ts$/.test(
          path,
        );
        if (isLibrary && pattern.test(text)) found.add(path);
      }
    }
  }
  return found;
}

/** Milliseconds that each file of tests took, by a JUnit report. */
export function fileTimes(report: string): Map<string, number> {
  const times = new Map<string, number>();
  let file = "";
  const entries = report.matchAll(
    /<testsuite name="(?:\.\/)?([^"]*)"|<testcase[^>]* time="([\d.]+)"/g,
  );
  for (const [, name, time = 0] of entries) {
    if (name !== undefined) file = name;
    times.set(file, (times.get(file) ?? 0) + 1000 * Number(time));
  }
  return times;
}
