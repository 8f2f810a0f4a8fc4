import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type CliTask, runCli, startCli } from "./support/run_cli.ts";

const TEXT = "It was the whale. It was a great white whale — 鯨!\n".repeat(30);
const TINY = ["--device", "cpu", "--batch", "1", "--context", "32"] as const;

/** A folder that holds a text, for one test. */
class Place implements AsyncDisposable {
  readonly folder: string;
  readonly run: string;

  constructor(folder: string) {
    this.folder = folder;
    this.run = `${folder}/run`;
  }

  static async make(): Promise<Place> {
    const place = new Place(await Deno.makeTempDir());
    await Deno.writeTextFile(`${place.folder}/text.txt`, TEXT);
    return place;
  }

  /** Arguments of a training that ends by itself after long. */
  training(...more: string[]): [CliTask, ...string[]] {
    const data = ["--data", `${this.folder}/text.txt`, "--out", this.run];
    return ["train", ...data, ...TINY, "--steps", "3000", ...more];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Shown text up to where `pattern` matches, while the command goes on. */
async function until(
  child: Deno.ChildProcess,
  pattern: RegExp,
): Promise<string> {
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let shown = "";
  while (!pattern.test(shown)) {
    const { done, value } = await reader.read();
    if (done) break;
    shown += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return shown;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Waits for a file. */
async function appears(path: string): Promise<void> {
  while (!await exists(path)) await new Promise((go) => setTimeout(go, 20));
}

for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test(`cli.ts stops with a checkpoint at ${signal}`, async () => {
    await using place = await Place.make();
    const child = startCli(place.training("--patcher", "space"));
    await until(child, /^model \d+/m);
    child.kill(signal);
    const { code: ended, stdout, stderr } = await child.output();
    assertEquals([ended, new TextDecoder().decode(stderr)], [code, ""]);
    const shown = new TextDecoder().decode(stdout);
    assertStringIncludes(shown, `go on with: deno task train --resume`);
    assert(await exists(`${place.run}/state.safetensors`));
    assert(!await exists(`${place.run}/lock`));
  });
}

Deno.test("cli.ts does not stop at a hangup under nohup", async () => {
  await using place = await Place.make();
  // Without a terminal nohup leaves standard input alone: here it is as with.
  const child = startCli(place.training("--patcher", "space"), {
    stdin: "unreadable",
  });
  await until(child, /^model \d+/m);
  child.kill("SIGHUP");
  await new Promise((go) => setTimeout(go, 1000));
  child.kill("SIGTERM");
  assertEquals((await child.output()).code, 143);
});

Deno.test("cli.ts refuses a run that another process trains", async () => {
  await using place = await Place.make();
  const child = startCli(place.training("--patcher", "space"));
  await appears(`${place.run}/config.json`);
  for (const args of [["--resume", place.run], ["--out", place.run]]) {
    const { code, stderr } = await runCli("train", ...args);
    assertEquals(code, 2);
    if (args[0] === "--out") {
      assertStringIncludes(stderr, "Cannot train into ");
      continue;
    }
    assertMatch(
      stderr,
      new RegExp(`is in use by process ${child.pid}.* since .*; wait for it`),
    );
  }
  child.kill("SIGINT");
  assertEquals((await child.output()).code, 130);
  // What is left by a process that was killed does not matter.
  await Deno.writeTextFile(`${place.run}/lock`, "process 1 since 2020");
  const resumed = startCli(["train", "--resume", place.run]);
  await until(resumed, /resumed after step/);
  resumed.kill("SIGKILL");
  await resumed.output();
});

Deno.test("cli.ts gives one folder to one of several trainings", async () => {
  await using place = await Place.make();
  const children = [0, 1, 2].map(() =>
    startCli(place.training("--patcher", "space"))
  );
  const ended = await Promise.all(children.map(async (child) => {
    const shown = await until(child, /^model \d+/m);
    if (shown.includes("model ")) child.kill("SIGINT");
    return (await child.output()).code;
  }));
  assertEquals(ended.toSorted((a, b) => a - b), [2, 2, 130]);
});

Deno.test("cli.ts goes on wherever it was killed", async () => {
  const files = ["lock", "command.json", "config.json", "metrics.jsonl"];
  for (const file of [...files, "state.safetensors"]) {
    await using place = await Place.make();
    const training = place.training("--steps=40", "--save-every=20");
    training.splice(training.indexOf("--steps"), 2);
    const child = startCli(training);
    await appears(`${place.run}/${file}`);
    child.kill("SIGKILL");
    await child.output();
    const begun = await exists(`${place.run}/command.json`);
    const again: [CliTask, ...string[]] = begun
      ? ["train", "--resume", place.run]
      : training;
    const { code, stderr } = await runCli(...again);
    assertEquals([code, stderr], [0, ""], file);
    assert(await exists(`${place.run}/weights.safetensors`));
  }
});

Deno.test("cli.ts begins anew where only a folder was made, or nothing but the command", async () => {
  await using place = await Place.make();
  await Deno.mkdir(place.run);
  await Deno.writeTextFile(`${place.run}/lock`, "");
  const refused = await runCli("train", "--resume", place.run);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, `begin one with --out ${place.run}`);
  const command = {
    data: [`${place.folder}/text.txt`],
    device: "cpu",
    settings: ["--model=bytes", "--steps=3", "--batch=1", "--context=32"],
  };
  const text = JSON.stringify(command);
  await Deno.writeTextFile(`${place.run}/command.json`, text);
  const resumed = await runCli("train", "--resume", place.run);
  assertEquals([resumed.code, resumed.stderr], [0, ""]);
  assertMatch(resumed.stdout, /^byte transformer nano/m);
  assertMatch(resumed.stdout, /^model 3\/3/m);
});

Deno.test("cli.ts stops when the folder is moved or deleted", async () => {
  await using place = await Place.make();
  const child = startCli(place.training("--patcher", "space"));
  await until(child, /^model \d+/m);
  await Deno.rename(place.run, `${place.folder}/gone`);
  const { code, stderr } = await child.output();
  assertEquals(code, 1);
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    "expected the folder that the run was begun in, got none",
  );
  assert(!await exists(place.run));
});

Deno.test("cli.ts names a cure for divergence that works", async () => {
  await using place = await Place.make();
  const few = ["--save-every", "1", "--model", "bytes", "--lr", "1e300"];
  const diverged = await runCli(...place.training(...few));
  assertEquals(diverged.code, 1);
  assertStringIncludes(
    diverged.stderr,
    `go on with a lower lr: deno task train --resume ${place.run} --lr X`,
  );
  const child = startCli(["train", "--resume", place.run, "--lr", "1e-3"]);
  await until(child, /^model \d+/m);
  child.kill("SIGINT");
  assertEquals((await child.output()).code, 130);
});

Deno.test("cli.ts generates byte by byte into a pipe", async () => {
  await using place = await Place.make();
  const training = ["--model=bytes", "--steps=3", ...TINY];
  const { code } = await runCli(
    ...["train", "--data", `${place.folder}/text.txt`] as const,
    ...["--out", place.run, ...training],
  );
  assertEquals(code, 0);
  // The model is bad, and hardly ever ends a text by itself.
  const child = startCli([
    ...["generate", "--run", place.run, "--device", "cpu"] as const,
    ...["--bytes", "1000000", "--prompt", "It"],
  ]);
  const reader = child.stdout.getReader();
  let bytes = 0;
  while (bytes < 10) bytes += (await reader.read()).value!.length;
  await reader.cancel();
  assert(bytes < 1000, `${bytes} at once`);
  const [status, stderr] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
  ]);
  assertEquals(status.code, 141);
  assertMatch(stderr, /^device: cpu, .*\n$/);
});

Deno.test("cli.ts trains on when nobody reads what it shows", async () => {
  await using place = await Place.make();
  const args = ["--patcher=space", "--steps=30"];
  const training = place.training(...args);
  training.splice(training.indexOf("--steps"), 2);
  const child = startCli(training);
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, stderr], [0, ""]);
  assert(await exists(`${place.run}/report.html`));
});

Deno.test("cli.ts resumes with texts at another place", async () => {
  await using place = await Place.make();
  const training = place.training("--patcher", "space");
  const child = startCli(training);
  await until(child, /^model \d+/m);
  child.kill("SIGINT");
  await child.output();
  const moved = `${place.folder}/moved.txt`;
  await Deno.rename(`${place.folder}/text.txt`, moved);
  const resumed = startCli(["train", "--resume", place.run, "--data", moved]);
  await until(resumed, /^model \d+/m);
  resumed.kill("SIGINT");
  assertEquals((await resumed.output()).code, 130);
  const command = await Deno.readTextFile(`${place.run}/command.json`);
  assertEquals(JSON.parse(command).data, [moved]);
});
