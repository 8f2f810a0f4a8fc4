import { assertEquals } from "@std/assert";
import { MemoryStore } from "../../blt/store.ts";

Deno.test("MemoryStore keeps copies of what is written", async () => {
  const store = new MemoryStore();
  const bytes = Uint8Array.of(1, 2);
  await store.write("weights", bytes);
  bytes[0] = 9;
  const read = await store.read("weights");
  assertEquals(read, Uint8Array.of(1, 2));
  read![1] = 9;
  assertEquals(await store.read("weights"), Uint8Array.of(1, 2));
  await store.write("weights", Uint8Array.of(3));
  assertEquals(await store.read("weights"), Uint8Array.of(3));
});

Deno.test("MemoryStore appends lines, and has nothing at first", async () => {
  const store = new MemoryStore();
  assertEquals(await store.read("metrics"), undefined);
  await store.append("metrics", "één\n");
  await store.append("metrics", "two\n");
  assertEquals(
    new TextDecoder().decode(await store.read("metrics")),
    "één\ntwo\n",
  );
});
