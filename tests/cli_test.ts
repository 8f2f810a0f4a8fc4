import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { type CliTask, runCli, startCli } from "./support/run_cli.ts";

const TEXT = "It was the whale. It was a great white whale — 鯨!\n".repeat(30);

/** A model that is trained in a second. */
const TINY = ["--device", "cpu", "--batch", "1", "--context", "32"] as const;

/** Runs a test with a folder that holds a text, and no longer. */
function cliTest(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/text.txt`, TEXT);
      await run(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Asserts that a command fails with one line, and its usage if that is wrong. */
async function assertFails(
  args: readonly [CliTask, ...string[]],
  message: string,
  { code = 2, usage = false } = {},
): Promise<void> {
  const result = await runCli(...args);
  const [line, ...rest] = result.stderr.trimEnd().split("\n");
  assertStringIncludes(line!, message);
  assertEquals(result.code, code, result.stderr);
  assertEquals(rest.length, usage ? 2 : 0, result.stderr);
  if (usage) assertStringIncludes(rest[1]!, `usage: deno task ${args[0]}`);
}

cliTest("cli.ts trains, generates, evaluates and patches", async (folder) => {
  const run = `${folder}/run`;
  const input = ["--data", `${folder}/text.txt`, "--out", run];
  const trained = await runCli("train", ...input, ...TINY, "--steps", "12");
  assertEquals([trained.code, trained.stderr], [0, ""]);
  const shown = trained.stdout;
  assertMatch(shown, /^device: cpu, /);
  assertMatch(shown, /^model 12\/12 .* bits per byte .* left .*B\/s/m);
  assertMatch(shown, /^patches start above .* nats: /m);
  assertMatch(shown, /^held out after step 12: [\d.]+ bits per byte of /m);
  assertMatch(shown, /^sample:\n/m);
  assertStringIncludes(shown, `report: ${run}/report.html`);
  assert(!shown.includes("\r"));
  const report = await Deno.readTextFile(`${run}/report.html`);
  for (const part of ["<svg", "BLT nano", 'class="patch"', "nats"]) {
    assertStringIncludes(report, part);
  }

  const prompt = "It was — ";
  const generate = async (...args: string[]): Promise<string> => {
    const common = ["--run", run, "--prompt", prompt, "--device", "cpu"];
    const result = await runCli("generate", ...common, ...args);
    assertEquals(result.code, 0, result.stderr);
    assertMatch(result.stderr, /^device: cpu, .*\n$/);
    assert(result.stdout.startsWith(prompt));
    return result.stdout.slice(prompt.length);
  };
  const first = await generate("--bytes", "40");
  assert(first.length > 0);
  assertEquals(await generate("--bytes", "40", "--seed", "1"), first);
  assertNotEquals(await generate("--bytes", "40", "--seed", "2"), first);

  const half = ["--run", run, "--device", "cpu", "--storage", "f16"];
  const refused = await runCli("generate", ...half);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "Cannot store weights in f16");

  const data = [
    "--run",
    run,
    "--device",
    "cpu",
    "--data",
    `${folder}/text.txt`,
  ];
  const json = await runCli("evaluate", ...data, "--json");
  const found = JSON.parse(json.stdout);
  assertEquals(Object.keys(found).sort(), [
    ...["bitsPerByte", "bytes", "flopsPerByte", "meanPatchBytes"],
  ]);
  assert(found.bitsPerByte > 0 && found.bitsPerByte < 9);
  assertEquals(found.bytes, new TextEncoder().encode(TEXT).length);
  const plain = await runCli("evaluate", ...data);
  assertMatch(plain.stdout, /^device: cpu, /);
  assertStringIncludes(
    plain.stdout,
    `${found.bitsPerByte.toFixed(3)} bits per byte`,
  );

  const text = ["--run", run, "--device", "cpu", "--text", "It was — 鯨"];
  const patched = await runCli("patch", ...text, "--json");
  const { patches } = JSON.parse(patched.stdout);
  let end = 0;
  for (const { start, length, text, entropies } of patches) {
    assertEquals([start, entropies.length], [end, length]);
    assertEquals(typeof text, "string");
    assert(entropies.every((nats: number) => nats > 0 && nats < 6));
    end = start + length;
  }
  assertEquals(end, new TextEncoder().encode("It was — 鯨").length);
  const view = await runCli("patch", ...text);
  assertStringIncludes(view.stdout, "entropy in half nats");
  assert(!view.stdout.includes("\x1b"));

  await assertFails(
    ["train", "--out", run],
    `Cannot train into ${run}: expected a new or empty folder`,
  );
  const other = `${folder}/other.txt`;
  await Deno.writeTextFile(other, TEXT.slice(1));
  await assertFails(
    ["train", "--resume", run, "--data", other],
    "the texts are not those that it was started with",
  );
  await Deno.truncate(`${run}/weights.safetensors`, 5000);
  const { code, stderr } = await runCli("patch", ...text);
  assertEquals(code, 2);
  assertMatch(stderr, /^Cannot open the run: weights.safetensors is dam.*\n$/);
});

cliTest(
  "cli.ts goes on where it was stopped by Ctrl-C, or could not save",
  async (folder) => {
    const run = `${folder}/run`;
    const child = startCli([
      ...["train", "--data", `${folder}/text.txt`, "--out", run] as const,
      ...[...TINY, "--model", "bytes", "--steps", "60"],
    ]);
    let shown = "";
    for await (
      const text of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      const before = shown;
      shown += text;
      const begun = /^model \d+\/60/m;
      if (begun.test(shown) && !begun.test(before)) child.kill("SIGINT");
    }
    assertEquals((await child.status).code, 130);
    await child.stderr.cancel();
    const [, step] = /^stopped after step (\d+); go on with: (.*)/m.exec(
      shown,
    )!;
    assertStringIncludes(shown, `deno task train --resume ${run}`);
    assert(Number(step) > 0 && Number(step) < 60);

    // No room for the next weights, which come behind the state.
    const obstacle = `${run}/weights.safetensors`;
    await Deno.remove(obstacle);
    await Deno.mkdir(`${obstacle}/full`, { recursive: true });
    await assertFails(
      ["train", "--resume", run],
      `Cannot save ${run}/weights.safetensors: `,
      { code: 1 },
    );
    await Deno.remove(obstacle, { recursive: true });
    const saveEvery = 6;
    const next = Math.floor(Number(step) / saveEvery + 1) * saveEvery;

    const resumed = await runCli("train", "--resume", run);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stdout, `resumed after step ${next}`);
    assertMatch(resumed.stdout, /^device: cpu, /);
    assertMatch(resumed.stdout, /^model 60\/60/m);
  },
);

cliTest("cli.ts names what is wrong with the data", async (folder) => {
  const fails = (data: string, message: string): Promise<void> =>
    assertFails([
      ...["train", "--data", data, "--out", `${folder}/run`] as const,
      ...["--context", "10000", "--device", "cpu"],
    ], message);
  await Deno.mkdir(`${folder}/empty`);
  await Deno.writeTextFile(`${folder}/none.txt`, "");
  await Deno.writeTextFile(`${folder}/one.txt`, "x");
  await fails(
    `${folder}/nowhere`,
    `Cannot read ${folder}/nowhere: No such file`,
  );
  await fails(`${folder}/empty`, `${folder}/empty: there is nothing in it`);
  await fails(`${folder}/none.txt`, "there is nothing in it");
  await fails(`${folder}/one.txt`, "expected a document of at least 2 bytes");
  await fails(`${folder}/text.txt`, "the context must be at most");
  await assertFails(
    ["evaluate", "--run", `${folder}/nowhere`, "--data", folder],
    `Cannot open the run ${folder}/nowhere: there is no such folder`,
  );
  const names = await Array.fromAsync(Deno.readDir(folder), (x) => x.name);
  assert(!names.includes("run"), "a run that fails at once leaves no folder");
});

cliTest("cli.ts patches without a model", async (folder) => {
  await Deno.writeFile(`${folder}/bytes`, Uint8Array.of(65, 32, 255, 27, 10));
  const patch = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCli("patch", ...args);
    assertEquals([code, stderr], [0, ""]);
    return stdout;
  };
  assertEquals(
    await patch("--patcher", "space", "--text", "a club sandwich"),
    "a |club |sandwich\n",
  );
  assertEquals(
    await patch("--patcher", "byte", "--data", `${folder}/bytes`),
    "A| |⟨ff⟩|⟨1b⟩|↵\n",
  );
  const json = await patch("--patcher", "static", "--text", "añb", "--json");
  assertEquals(JSON.parse(json), {
    patches: [{ start: 0, length: 4, text: "añb", entropies: [] }],
    levels: [],
  });
});

Deno.test("cli.ts shows help, and usage for mistakes", async () => {
  const help = await runCli("train", "--help");
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "--save-every N\n");
  for (
    const [args, message] of [
      [["train", "--nope"], "Cannot read --nope: there is no such flag"],
      [["generate", "--run", "r", "--top-p", "2"], "expected a number > 0"],
      [["patch", "--patcher", "entropy", "--text", "a"], "without a model"],
    ] as const
  ) {
    await assertFails([...args], message, { usage: true });
  }
});

cliTest("cli.ts runs from a URL, without configuration", async (folder) => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async ({ url }) => {
      const path = new URL(`..${new URL(url).pathname}`, import.meta.url);
      return new Response(await Deno.readFile(path), {
        headers: { "content-type": "text/plain; charset=utf-8" },
      });
    },
  );
  const host = `127.0.0.1:${server.addr.port}`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-config", "--no-lock", `--allow-import=${host}`],
      ...[`http://${host}/cli.ts`, "patch", "--patcher", "space"],
      ...["--text", "a club"],
    ],
    cwd: folder,
    env: { DENO_DIR: `${folder}/cache`, NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertEquals(new TextDecoder().decode(stdout), "a |club\n");
});
