import { assertEquals } from "@std/assert";

const DATA = new URL("../data/", import.meta.url);

Deno.test("data/NOTICE.md gives size and SHA-256 of every text", async () => {
  const notice = await Deno.readTextFile(new URL("NOTICE.md", DATA));
  const rows = notice.matchAll(/^\| `(.+?)` \| .+ \| (\d+) \| `(\w+)` \|$/gm);
  const told = [...rows].map(([, ...row]) => row.join(" ")).sort();

  const found = [];
  for (const folder of ["", "udhr/"]) {
    for await (const { name } of Deno.readDir(new URL(folder, DATA))) {
      if (!name.endsWith(".txt")) continue;
      const bytes = await Deno.readFile(new URL(folder + name, DATA));
      const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      found.push(`${folder}${name} ${bytes.length} ${sum.toHex()}`);
    }
  }
  assertEquals(told, found.sort());
});
