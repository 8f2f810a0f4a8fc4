/** Files of tests in the order in which they are asked, in three stages. */
export function stagesOf(
  path: string,
  texts: ReadonlyMap<string, string>,
): string[][] {
  const tests = [...texts.keys()].filter((path) =>
    /^tests\/.*_test\.ts$/.test(path)
  );
  const mirrored = testsOf(path).filter((test) => texts.has(test));
  const near = [...importers(path, texts)].flatMap(testsOf)
    .concat("tests/blt/recipe_test.ts", "tests/blt/train_test.ts")
    .filter((test) => texts.has(test));
  const training = tests.filter((test) => test.startsWith("tests/training/"));
  const folder = tests.filter((test) =>
    test.startsWith(`tests/${path.split("/")[0]}/`)
  );
  const seen = new Set<string>();
  return [mirrored, [...near, ...training], folder, tests]
    .map((stage) =>
      stage.filter((test) => !seen.has(test) && Boolean(seen.add(test)))
    )
    .filter((stage) => stage.length > 0);
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
  const suites = report.matchAll(
    /<testsuite name="(?:\.\/)?([^"]*)"[^>]*?time="([\d.]+)"|<testcase[^>]*?time="([\d.]+)"/g,
  );
  const times = new Map<string, number>();
  let file = "";
  for (const [, name, , time] of suites) {
    if (name !== undefined) file = name;
    times.set(file, (times.get(file) ?? 0) + 1000 * Number(time ?? 0));
  }
  return times;
}
