import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { nextTurn, Turns, unlessStopped } from "../../blt/mod.ts";

/** Keeps the processor busy. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("Turns lets timers through when they waited for long", async () => {
  const start = performance.now();
  const turns = new Turns();
  let heard = 0;
  const timer = setInterval(() => heard += 1, 1);
  for (let i = 0; i < 1000; i++) await turns.next();
  // It costs time, and so it is not always done.
  const turn = 50;
  assertLessOrEqual(heard, (performance.now() - start) / turn);
  for (let i = 0; i < 6; i++) {
    work(10);
    await turns.next();
  }
  assertEquals(heard > 0, true);
  clearInterval(timer);
});

Deno.test("Turns rejects with the reason of its signal", async () => {
  const stopping = new AbortController();
  const turns = new Turns({ signal: stopping.signal });
  await turns.next();
  setTimeout(() => stopping.abort(new SyntaxError("enough")), 1);
  work(60);
  await assertRejects(() => turns.next(), SyntaxError, "enough");
  await assertRejects(() => turns.next(), SyntaxError, "enough");
});

Deno.test("nextTurn() lets a timer through that is due", async () => {
  let heard = false;
  setTimeout(() => heard = true);
  await nextTurn();
  assertEquals(heard, true);
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
