import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { add, DisposedError, Scope, Tensor } from "../../tensor/mod.ts";
import { deviceTest } from "../support/devices.ts";

deviceTest("Scope frees what was made in it, and only that", (device) => {
  const outside = Tensor.from(device, [1], [1]);
  const { liveBlocks } = device.memory;
  let inside: Tensor;
  {
    using scope = new Scope();
    inside = Tensor.from(device, [1], [2]);
    assertEquals([scope.owns(inside), scope.owns(outside)], [true, false]);
    assertEquals(device.memory.liveBlocks, liveBlocks + 1);
  }
  assertEquals(device.memory.liveBlocks, liveBlocks);
  assertThrows(() => inside.storage, DisposedError);
  assertStrictEquals(outside.storage.bytes, 4);
});

deviceTest("Scope.keep() hands a tensor to the scope outside", (device) => {
  let kept: Tensor;
  {
    using outer = new Scope();
    {
      using inner = new Scope();
      kept = inner.keep(Tensor.from(device, [1], [1]));
      assertEquals(inner.owns(kept), false);
    }
    assertEquals(outer.owns(kept), true);
    assertEquals(kept.storage.bytes, 4);
    assertStrictEquals(outer.keep(kept), kept);
  }
  // The scope of the test owns it now.
  assertEquals(kept.storage.bytes, 4);
});

deviceTest("Scope.disown() leaves a tensor to its maker", (device) => {
  let mine: Tensor;
  {
    using scope = new Scope();
    mine = Scope.disown(Tensor.from(device, [1], [1]));
    assertEquals(scope.owns(mine), false);
  }
  assertEquals(mine.storage.bytes, 4);
  mine.dispose();
  assertStrictEquals(Scope.disown(mine), mine);
});

deviceTest("Scope frees what was made before an error", (device) => {
  const { liveBlocks } = device.memory;
  assertThrows(
    () => {
      using _scope = new Scope();
      Tensor.from(device, [1], [1]);
      throw new SyntaxError("planted");
    },
    SyntaxError,
    "planted",
  );
  assertEquals(device.memory.liveBlocks, liveBlocks);
});

deviceTest("Scope closed too early is gone, and says so", (device) => {
  const before = Scope.current;
  const { liveBlocks } = device.memory;
  const outer = new Scope();
  const x = Tensor.from(device, [1], [1]);
  const inner = new Scope({ records: false });
  const y = Tensor.from(device, [1], [2]);
  assertThrows(
    () => outer[Symbol.dispose](),
    Error,
    "Cannot close a scope: an inner scope is still open",
  );
  assertThrows(() => x.storage, DisposedError);
  assertEquals(y.storage.bytes, 4);
  assertStrictEquals(Scope.current, inner);
  inner[Symbol.dispose]();
  assertStrictEquals(Scope.current, before);
  assertEquals(device.memory.liveBlocks, liveBlocks);
  for (const scope of [outer, inner]) {
    assertThrows(() => scope[Symbol.dispose](), Error, "Cannot close a scope");
  }
});

deviceTest("Scope.run() owns what is made in it alone", async (device) => {
  const outside = Scope.current;
  const { liveBlocks } = device.memory;
  {
    using scope = new Scope({ open: false });
    assertStrictEquals(Scope.current, outside);
    const x = scope.run(() => Tensor.from(device, [1], [1]));
    await Promise.resolve();
    const other = Tensor.from(device, [1], [5]);
    assertEquals([scope.owns(x), scope.owns(other)], [true, false]);
    const y = scope.run(() => {
      using inner = new Scope();
      return inner.keep(scope.run(() => Tensor.from(device, [1], [2])));
    });
    assertEquals(scope.owns(y), true);
    assertEquals([...await scope.run(() => add(x, y).data())], [3]);
    other.dispose();
  }
  assertStrictEquals(Scope.current, outside);
  assertEquals(device.memory.liveBlocks, liveBlocks);
});

deviceTest("Scope.run() records as its own scope says", (device) => {
  using quiet = new Scope({ open: false, records: false });
  const x = Tensor.from(device, [1], [1]);
  assertEquals(quiet.run(() => add(x, x)).node, undefined);
  using _quiet = new Scope({ records: false });
  using loud = new Scope({ open: false });
  assert(loud.run(() => add(x, x)).node);
});

Deno.test("Scope frees what it owns though one cannot be freed", () => {
  const freed: string[] = [];
  const scope = new Scope();
  Scope.own({ dispose: () => freed.push("first") });
  Scope.own({
    dispose: () => {
      throw new SyntaxError("planted");
    },
  });
  Scope.own({ dispose: () => freed.push("last") });
  assertThrows(() => scope[Symbol.dispose](), SyntaxError, "planted");
  assertEquals(freed, ["first", "last"]);
  assertThrows(
    () => scope.adopt({ dispose: () => {} }),
    Error,
    "the scope is closed",
  );
});

Deno.test("Scope.run() leaves no scope open", () => {
  const before = Scope.current;
  const scope = new Scope({ open: false });
  let left: Scope | undefined;
  assertThrows(
    () =>
      scope.run(() => {
        left = new Scope();
      }),
    Error,
    "Cannot leave a scope: an inner scope is still open",
  );
  assertStrictEquals(Scope.current, before);
  assertThrows(() => left![Symbol.dispose](), Error, "Cannot close a scope");
  assertThrows(
    () =>
      scope.run(() => {
        throw new SyntaxError("planted");
      }),
    SyntaxError,
    "planted",
  );
  assertStrictEquals(Scope.current, before);
  scope[Symbol.dispose]();
  assertThrows(() => scope.run(() => {}), Error, "it is closed");
});
