import { assertEquals } from "@std/assert";
import {
  Journal,
  MemoryStore,
  RUN_FILES,
  type TrainEvent,
} from "../../blt/mod.ts";

const EVALUATION: TrainEvent = {
  kind: "evaluation",
  step: 4,
  bitsPerByte: 2,
  bytes: 10,
};
const WARNING: TrainEvent = { kind: "warning", text: "odd" };

function textOf({ files }: MemoryStore): string {
  return new TextDecoder().decode(files.get(RUN_FILES.metrics));
}

Deno.test("Journal tells everything and keeps what is to be kept", async () => {
  const store = new MemoryStore();
  const told: TrainEvent[] = [];
  const journal = await Journal.open(store, (event) => told.push(event));
  assertEquals(store.files.size, 0);
  journal.tell(WARNING);
  assertEquals(journal.evaluated(4), false);
  await journal.log(EVALUATION);
  assertEquals(journal.evaluated(4), true);
  assertEquals(told, [WARNING, EVALUATION]);
  assertEquals(textOf(store), `${JSON.stringify(EVALUATION)}\n`);
});

Deno.test("Journal knows the evaluations before, and ends a line that was cut", async () => {
  const store = new MemoryStore();
  const before = `${JSON.stringify(EVALUATION)}\n{"kind":"evalu`;
  await store.append(RUN_FILES.metrics, before);
  const journal = await Journal.open(store, () => {});
  assertEquals([4, 5].map((step) => journal.evaluated(step)), [true, false]);
  await journal.log(WARNING);
  assertEquals(textOf(store), `${before}\n${JSON.stringify(WARNING)}\n`);
});
