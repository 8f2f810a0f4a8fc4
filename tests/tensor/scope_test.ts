import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { DisposedError, Scope, Tensor } from "../../tensor/mod.ts";
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

Deno.test("Scope does not close before those inside it", () => {
  const outer = new Scope();
  const inner = new Scope();
  assertThrows(
    () => outer[Symbol.dispose](),
    Error,
    "Cannot close a scope: an inner scope is still open",
  );
  inner[Symbol.dispose]();
  outer[Symbol.dispose]();
  assertThrows(() => outer[Symbol.dispose](), Error, "Cannot close a scope");
});
