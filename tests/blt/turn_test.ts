import { assertEquals, assertRejects } from "@std/assert";
import { nextTurn, Turns, unlessStopped } from "../../blt/mod.ts";

Deno.test("nextTurn() lets a timer through that is due", async () => {
  let heard = false;
  setTimeout(() => heard = true);
  await nextTurn();
  assertEquals(heard, true);
});

Deno.test("Turns lets timers through within work that is long", async () => {
  let heard = 0;
  const timer = setInterval(() => heard++, 1);
  const turns = new Turns();
  const end = performance.now() + 200;
  while (performance.now() < end) await turns.pass();
  clearInterval(timer);
  assertEquals(heard >= 2, true, `${heard} turns`);
});

Deno.test("unlessStopped() takes only the signal's reason for a stop", async () => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const work = (): Promise<number> => {
    signal.throwIfAborted();
    return Promise.resolve(3);
  };
  const fault = (): Promise<number> => Promise.reject(new Error("a fault"));
  assertEquals(await unlessStopped(undefined, work), 3);
  assertEquals(await unlessStopped(signal, work), 3);
  stopping.abort();
  assertEquals(await unlessStopped(signal, work), undefined);
  await assertRejects(() => unlessStopped(signal, fault), Error, "a fault");
});
