import { assertEquals, assertRejects } from "@std/assert";
import { readDocuments } from "../../cli/documents.ts";
import { UserError } from "../../cli/user_error.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** Texts at or below a path within `folder`, by their names there. */
async function textsOf(
  folder: string,
  path: string,
): Promise<Record<string, string>> {
  const documents = await readDocuments([`${folder}${path}`]);
  return Object.fromEntries(
    documents.map(({ name, bytes }) => [
      name.slice(folder.length),
      new TextDecoder().decode(bytes),
    ]),
  );
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}

async function pipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] })
    .output();
  assertEquals(success, true);
}

Deno.test("readDocuments() follows links, and reads each file once", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  // As the cache of a hub keeps its files.
  await write(`${path}/blobs/0a`, "whale");
  await write(`${path}/blobs/0b`, "ship");
  await Deno.mkdir(`${path}/snapshots/main`, { recursive: true });
  await Deno.symlink("../../blobs/0a", `${path}/snapshots/main/a.txt`);
  await Deno.symlink("../../blobs", `${path}/snapshots/main/b`);
  await Deno.symlink("../..", `${path}/snapshots/main/up`);
  assertEquals(await textsOf(path, "/snapshots"), {
    "/snapshots/main/a.txt": "whale",
    "/snapshots/main/b/0b": "ship",
  });
  assertEquals(await textsOf(path, "/snapshots/main/a.txt"), {
    "/snapshots/main/a.txt": "whale",
  });
  const twice = await readDocuments([`${path}/blobs`, `${path}/blobs/0a`]);
  assertEquals(twice.length, 3, "paths that are given are read, each of them");
});

Deno.test("readDocuments() keeps the order of names", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["b", "a/z", "a/y/x", "c"]) {
    await write(`${folder.path}/${name}`, name);
  }
  assertEquals(Object.values(await textsOf(folder.path, "")), [
    ...["a/y/x", "a/z", "b", "c"],
  ]);
});

Deno.test("readDocuments() leaves out what is no text of the user's", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await write(`${path}/a.txt`, "a");
  await write(`${path}/.git/HEAD`, "hidden");
  await write(`${path}/.hidden`, "hidden");
  await write(`${path}/run/config.json`, `{"format":1,"plan":{}}`);
  await write(`${path}/begun/metrics.jsonl`, "");
  await write(`${path}/begun/state.safetensors`, "state");
  await write(`${path}/model/config.json`, `{"dim":4}`);
  await write(`${path}/notes/config.json`, "no JSON");
  await pipe(`${path}/pipe`);
  await Deno.symlink("nowhere", `${path}/dangling`);
  await Deno.symlink("loop", `${path}/loop`);
  assertEquals(await textsOf(path, ""), {
    "/a.txt": "a",
    "/model/config.json": `{"dim":4}`,
    "/notes/config.json": "no JSON",
  });
});

Deno.test("readDocuments() names the very file, and what was expected", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await write(`${path}/run/config.json`, `{"format":1,"plan":{}}`);
  await write(`${path}/none.txt`, "");
  await write(`${path}/none/none.txt`, "");
  await write(`${path}/hidden/.a`, "a");
  await Deno.mkdir(`${path}/links`);
  await Deno.symlink("gone", `${path}/links/a`);
  await Deno.symlink("b", `${path}/links/b`);
  await pipe(`${path}/pipe`);
  const input = "--data - reads standard input, and so a pipe";
  const nothing = "there is nothing in it";
  const cases: [string, string][] = [
    ["/nowhere", `Cannot read ${path}/nowhere: No such file`],
    ["/none.txt", `Cannot read ${path}/none.txt: ${nothing}`],
    ["/none", `Cannot read ${path}/none: ${nothing}`],
    ["/none.txt/a", `Cannot read ${path}/none.txt/a: Not a directory`],
    [
      "/hidden",
      `${nothing}; ${path}/hidden is read without its hidden files and folders, of which there are 1`,
    ],
    [
      "/run",
      `${nothing}; ${path}/run is left out: it is the folder of a run`,
    ],
    [
      "/links",
      `${path}/links/a is left out: it is a link to gone, which is not there; ${path}/links/b is left out: it is a link to b`,
    ],
    ["/links/a", `Cannot read ${path}/links/a: No such file`],
    ["/links/b", `Cannot read ${path}/links/b: Too many levels of symbolic`],
    ["/pipe", `expected a file or folder, got a named pipe; ${input}`],
  ];
  for (const [name, message] of cases) {
    await assertRejects(() => textsOf(path, name), UserError, message);
  }
  await assertRejects(
    () => readDocuments(["/dev/null"]),
    UserError,
    `Cannot read /dev/null: expected a file or folder, got a device; ${input}`,
  );
});

Deno.test("cli.ts reads a pipe, and refuses devices by name", async () => {
  const patch = async (
    data: string,
    input: string,
  ): Promise<[number, string, string]> => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "run",
          "--allow-read",
          "--allow-env=XDG_RUNTIME_DIR",
          "--no-prompt",
        ],
        ...["cli.ts", "patch", "--patcher", "space", "--data", data],
      ],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return [code, decoder.decode(stdout), decoder.decode(stderr)];
  };
  assertEquals(await patch("-", "a club"), [0, "a |club\n", ""]);
  assertEquals(await patch("-", ""), [
    ...[2, "", "Cannot read -: there is nothing in it\n"] as const,
  ]);
  assertEquals(await patch("/dev/stdin", "a club"), [
    2,
    "",
    "Cannot read /dev/stdin: expected a file or folder of texts, got a part of the system, such as a pipe or device; --data - reads standard input, and so a pipe\n",
  ]);
});

Deno.test("readDocuments() leaves out a name that is not UTF-8", async () => {
  await using folder = await temporaryFolder();
  await write(`${folder.path}/odd/a.txt`, "whale");
  const script = `printf x > "$1/odd/$(printf '\\377')"`;
  const { success } = await new Deno.Command("bash", {
    args: ["-c", script, "bash", folder.path],
  }).output();
  assertEquals(success, true);
  assertEquals(await textsOf(folder.path, "/odd"), { "/odd/a.txt": "whale" });
});
