import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { COMMAND_DEFAULTS } from "../../blt/mod.ts";
import { RunFolder } from "../../cli/run_folder.ts";
import { UserError } from "../../cli/user_error.ts";
import { runCli } from "../support/run_cli.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("RunFolder.create() says what is in the way of a new folder", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/file`, "");
  await Deno.symlink("nowhere", `${path}/link`);
  await Deno.symlink("loop", `${path}/loop`);
  for (const parent of ["file", "link", "loop"]) {
    await assertRejects(
      () => RunFolder.create(`${path}/${parent}/run`, COMMAND_DEFAULTS.train),
      UserError,
      "Cannot make the folder ",
    );
  }
});

Deno.test("RunFolder.create() does not look for a free name for ever", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const before = Deno.cwd();
  await Deno.writeTextFile(`${path}/runs`, "");
  Deno.chdir(path);
  try {
    await assertRejects(
      () => RunFolder.create(undefined, COMMAND_DEFAULTS.train),
      UserError,
      "runs/ is no folder",
    );
  } finally {
    Deno.chdir(before);
  }
});

Deno.test("a trained run that lacks its config.json is left as it is", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const [text, run] = [`${path}/a.txt`, `${path}/run`];
  await Deno.writeTextFile(text, "Call me Ishmael. ".repeat(50));
  const { code } = await runCli(
    ...["train", "--data", text, "--out", run, "--device", "cpu"] as const,
    ...["--model", "bytes", "--steps", "1", "--batch", "1"],
    ...["--context", "16"],
  );
  assertEquals(code, 0);
  const weights = await Deno.readFile(`${run}/weights.safetensors`);
  await Deno.remove(`${run}/config.json`);
  const resumed = await runCli("train", "--resume", run);
  assertEquals(resumed.code, 2);
  assertStringIncludes(resumed.stderr, "expected config.json beside");
  assertEquals(await Deno.readFile(`${run}/weights.safetensors`), weights);
});
