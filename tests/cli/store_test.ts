import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { requireEmpty } from "../../cli/run_folder.ts";
import { FolderStore, runFolder } from "../../cli/store.ts";
import { UserError } from "../../cli/user_error.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const bytes = new TextEncoder().encode("new");

Deno.test("FolderStore never writes through a link", async () => {
  await using folder = await temporaryFolder();
  const run = `${folder.path}/run`;
  await Deno.mkdir(run);
  await Deno.writeTextFile(`${folder.path}/mine`, "mine");
  const store = new FolderStore(run);
  // Every name that a link could bear, those of temporary files included.
  for (const name of ["weights", "weights.tmp", "metrics"]) {
    await Deno.symlink("../mine", `${run}/${name}`);
  }
  await Deno.symlink("../new", `${run}/dangling`);
  await store.write("weights", bytes);
  assertEquals(await Deno.readTextFile(`${run}/weights`), "new");
  assert((await Deno.lstat(`${run}/weights`)).isFile);
  await store.write("dangling", bytes);
  assert((await Deno.lstat(`${run}/dangling`)).isFile);
  await assertRejects(
    () => store.append("metrics", "line\n"),
    Error,
    `Cannot add to ${run}/metrics: it is a link or no file`,
  );
  assertEquals(await Deno.readTextFile(`${folder.path}/mine`), "mine");
  const names = await Array.fromAsync(Deno.readDir(folder.path));
  assertEquals(names.map(({ name }) => name).sort(), ["mine", "run"]);
});

Deno.test("FolderStore writes to no link even where its name was guessed", async () => {
  await using folder = await temporaryFolder();
  const run = `${folder.path}/run`;
  await Deno.mkdir(run);
  await Deno.writeTextFile(`${folder.path}/mine`, "mine");
  const { randomUUID } = crypto;
  const guess = randomUUID.call(crypto);
  crypto.randomUUID = () => guess;
  try {
    await Deno.symlink("../mine", `${run}/.weights.${guess}.tmp`);
    const store = new FolderStore(run);
    await assertRejects(() => store.write("weights", bytes), Error);
  } finally {
    crypto.randomUUID = randomUUID;
  }
  assertEquals(await Deno.readTextFile(`${folder.path}/mine`), "mine");
});

Deno.test("FolderStore reads files, through links too, and nothing else", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const store = new FolderStore(path);
  assertEquals(await store.read("a"), undefined);
  await store.append("a", "1");
  await store.append("a", "2");
  await Deno.symlink("a", `${path}/link`);
  assertEquals(await store.read("link"), new TextEncoder().encode("12"));
  await Deno.symlink("/dev/zero", `${path}/device`);
  await Deno.mkdir(`${path}/folder`);
  for (const name of ["device", "folder"]) {
    await assertRejects(
      () => store.read(name),
      UserError,
      `Cannot read ${path}/${name}: it is no file`,
    );
  }
});

Deno.test("FolderStore leaves nothing half written, and says what is kept", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const store = new FolderStore(path);
  await Deno.mkdir(`${path}/full/of`, { recursive: true });
  const kept = await assertRejects(() => store.write("full", bytes), Error);
  assertStringIncludes(kept.message, `Cannot save ${path}/full: `);
  assertStringIncludes(kept.message, "what was saved before is intact");
  const file = new FolderStore(`${path}/file`);
  await Deno.writeTextFile(`${path}/file`, "");
  const none = await assertRejects(() => file.write("a", bytes), Error);
  assert(!none.message.includes("saved before"), none.message);
  const names = await Array.fromAsync(Deno.readDir(path));
  assertEquals(names.map(({ name }) => name).sort(), ["file", "full"]);
});

Deno.test("FolderStore makes no folder, be it again", async () => {
  await using folder = await temporaryFolder();
  const store = new FolderStore(`${folder.path}/run`);
  const gone =
    "expected the folder that the run was begun in, got none; it was";
  await assertRejects(
    () => store.write("b", bytes),
    Error,
    `Cannot save ${folder.path}/run/b: ${gone}`,
  );
  await assertRejects(
    () => store.append("c", "c"),
    Error,
    `Cannot add to ${folder.path}/run/c: ${gone}`,
  );
  assertEquals(await Array.fromAsync(Deno.readDir(folder.path)), []);
});

Deno.test("requireEmpty() names what is in the way", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/file`, "");
  await Deno.mkdir(`${path}/empty`);
  await Deno.symlink("gone", `${path}/link`);
  for (const name of ["/new", "/new/below", "/empty", "/empty/"]) {
    await requireEmpty(path + name);
  }
  const cases: [string, string][] = [
    ["/file", "expected a new or empty folder, got a file"],
    ["/file/below", "Not a directory"],
    ["/link", "expected a new or empty folder, got a link that leads nowhere"],
    ["", "expected a new or empty folder, got one with "],
  ];
  for (const [name, message] of cases) {
    const error = await assertRejects(
      () => requireEmpty(path + name),
      UserError,
    );
    assert(error.message.startsWith("Cannot "), error.message);
    assertStringIncludes(error.message, message);
  }
  assertEquals(await Array.fromAsync(Deno.readDir(`${path}/empty`)), []);
});

Deno.test("runFolder() wants a folder that is there", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/file`, "");
  assertEquals((await runFolder(path)).folder, path);
  const cases: [string, string][] = [
    ["/none", `Cannot open the run ${path}/none: there is no such folder`],
    [
      "/file",
      `Cannot open the run ${path}/file: expected a folder, got a file`,
    ],
    ["/file/a", `Cannot look at ${path}/file/a: Not a directory`],
  ];
  for (const [name, message] of cases) {
    await assertRejects(() => runFolder(path + name), UserError, message);
  }
});
