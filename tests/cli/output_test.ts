import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  encode,
  jsonText,
  type Output,
  print,
  quoted,
  say,
} from "../../cli/output.ts";
import { runCli } from "../support/run_cli.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** What is written, by at most three bytes at a time. */
function written(write: (output: Output) => void): string {
  const bytes: number[] = [];
  write({
    writeSync: (part: Uint8Array): number => {
      bytes.push(...part.subarray(0, 3));
      return Math.min(3, part.length);
    },
  });
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

const EVIL = "a\u001b[2J\r\u007f\u009b1m\u202eb\u2028\u2066\nc\ud800é";

Deno.test("print() writes results as they are", () => {
  assertEquals(written((to) => print(EVIL, to)), EVIL.toWellFormed());
  assertEquals(written((to) => print(encode("é"), to)), "é");
});

Deno.test("say() writes nothing that commands a terminal", () => {
  assertEquals(
    written((to) => say(EVIL, to)),
    "a⟨1b⟩[2J⟨0d⟩⟨7f⟩⟨c2⟩⟨9b⟩1m⟨e2⟩⟨80⟩⟨ae⟩b⟨e2⟩⟨80⟩⟨a8⟩⟨e2⟩⟨81⟩⟨a6⟩\nc\ufffdé\n",
  );
});

Deno.test("jsonText() escapes what commands a terminal", () => {
  const text = jsonText({ [EVIL]: [EVIL] });
  assertEquals(JSON.parse(text), { [EVIL]: [EVIL] });
  const evil =
    "a\\u001b[2J\\r\\u007f\\u009b1m\\u202eb\\u2028\\u2066\\nc\\ud800é";
  assertEquals(text, `{"${evil}":["${evil}"]}`);
});

Deno.test("cli.ts shows what comes from files without its commands", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const text = "a\u007f\u009b2Jb";
  const patch = ["--patcher", "space", "--text", text, "--json"];
  const { stdout } = await runCli("patch", ...patch);
  assertStringIncludes(stdout, '"text":"a\\u007f"');
  assertStringIncludes(stdout, '"text":"\\u009b2Jb"');

  const run = `${path}/\u001b[31mrun`;
  await Deno.mkdir(run);
  const config = `{"format":"\u001b[2J\u009b"}`.replace("\u001b", "\\u001b");
  await Deno.writeTextFile(`${run}/config.json`, config);
  const read = await runCli("generate", "--run", run, "--device", "cpu");
  assertEquals(read.code, 2);
  assertStringIncludes(
    read.stderr,
    'expected config.json of format 1, got "\\u001b[2J⟨c2⟩⟨9b⟩"',
  );
  const missing = await runCli("generate", "--run", `${run}/none`);
  assertStringIncludes(missing.stderr, `the run ${path}/⟨1b⟩[31mrun/none: `);
  const flag = await runCli("generate", "--\u001b[31m");
  assertStringIncludes(flag.stderr, "Cannot read --⟨1b⟩[31m: there is no such");
  for (const { stdout, stderr } of [read, missing, flag]) {
    assert(!(stdout + stderr).includes("\u001b"));
    assert(!(stdout + stderr).includes("\u009b"));
  }
});

Deno.test("quoted() makes one word of a path", async () => {
  for (const path of ["runs/a-1", "a b", "c d;rm x", "it's", "$HOME", "-x"]) {
    const { stdout } = await new Deno.Command("bash", {
      args: ["-c", `printf '%s|' ${quoted(path)}`],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), `${path}|`);
  }
  assertEquals(quoted("runs/a-1"), "runs/a-1");
});
