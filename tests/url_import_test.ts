import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

Deno.test("mod.ts loads from a URL, without configuration or cache", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async ({ url }) => {
      const path = new URL(`.${new URL(url).pathname}`, ROOT);
      // As raw file hosts send it, which say nothing of TypeScript.
      const headers = { "content-type": "text/plain; charset=utf-8" };
      return new Response(await Deno.readFile(path), { headers });
    },
  );
  const host = `127.0.0.1:${server.addr.port}`;
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      `import * as club from "http://${host}/mod.ts";
       console.log(Object.keys(club).length);`,
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-config", "--no-lock"],
        ...[`--allow-import=${host}`, "main.ts"],
      ],
      cwd: folder,
      env: { DENO_DIR: `${folder}/cache`, NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assert(Number(new TextDecoder().decode(stdout)) > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
