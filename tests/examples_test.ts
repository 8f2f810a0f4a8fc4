import { assertEquals, assertGreater, assertMatch } from "@std/assert";

/** Lines that an example prints. It gets no permissions. */
async function linesOf(name: string, ...args: string[]): Promise<string[]> {
  const path = new URL(`../examples/${name}.ts`, import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", path, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("examples/xor.ts learns exclusive or", async () => {
  const lines = await linesOf("xor");
  assertMatch(lines.at(-1)!, /^step 500: .* 0\.0\d 0\.9\d 0\.9\d 0\.0\d$/);
});

Deno.test("examples/patches.ts loses no byte of a text", async () => {
  const text = "Call me Ishmael; some years ago.";
  const lines = await linesOf("patches", text);
  const patched = lines.filter((line) => line.startsWith("  "));
  assertGreater(patched.length, 3);
  assertEquals(new Set(patched).size, patched.length);
  for (const line of patched) {
    assertEquals(line.slice(2).replaceAll("|", ""), text);
  }
});

Deno.test("examples/names.ts trains a model", async () => {
  const [first, entropyModel, model] = await linesOf("names", "2");
  assertMatch(first!, /^BLT nano with entropy patches on /);
  assertMatch(entropyModel!, /^entropy model, step 2: \d+\.\d\d bits$/);
  assertMatch(model!, /^model, step 2: \d+\.\d\d bits$/);
});
