import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

Deno.test("mod.ts loads from a URL and trains, without configuration or cache", async () => {
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
      `import { MemoryStore, openDevice, train } from "http://${host}/mod.ts";
       const bytes = new TextEncoder().encode("Call me Ishmael. ".repeat(9));
       using device = await openDevice("cpu");
       const outcome = await train({
         model: "blt",
         preset: "nano",
         patcher: "space",
         patchBytes: 4,
         steps: 1,
         batch: 1,
         context: 16,
         seed: 1,
       }, [{ name: "whale", bytes }], {
         device,
         store: new MemoryStore(),
         report: () => {},
       });
       console.log(JSON.stringify(outcome));`,
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
    const outcome = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(outcome, { finished: true, step: 1 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
