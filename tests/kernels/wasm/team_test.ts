import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { SimdForm, SimdKernel } from "../../../kernels/wasm/form.ts";
import { f32, i32 } from "../../../kernels/wasm/instructions.ts";
import { Team } from "../../../kernels/wasm/team.ts";

/** Memory, and an allocator that gives its parts away for good. */
function arena(shared = true): {
  readonly memory: WebAssembly.Memory;
  readonly allocate: (bytes: number) => number;
} {
  const memory = new WebAssembly.Memory({ initial: 20, maximum: 20, shared });
  let top = 64;
  const allocate = (bytes: number): number => {
    const at = top;
    top += Math.ceil(bytes / 64) * 64;
    return at;
  };
  return { memory, allocate };
}

// y[i] = x[i] / factor, after a pause that lets other threads take items.
const divide: SimdForm<"count" | "pause" | "factor", "x" | "y"> = {
  items: ({ count }) => count,
  emit(f, { begin, end, buffers, sizes, fractions }): void {
    f.for({ from: begin, to: end }, (i) => {
      f.for({ from: 0, to: sizes.pause }, () => {});
      const at = i32.shl(i, 2);
      const x = f32.load(i32.add(buffers.x, at));
      f.store(i32.add(buffers.y, at), f32.div(x, fractions.factor));
    });
  },
};
const division: SimdKernel = {
  name: "divide",
  buffers: ["x", "y"],
  sizes: ["count", "pause", "factor"],
  fractions: ["factor"],
  simd: divide,
};

// who[i] = scratch, the only thing that differs between threads; traps in all
// threads but the one whose scratch is `only`, if that is not 0.
const sign: SimdForm<"count" | "only", "who"> = {
  items: ({ count }) => count,
  scratch: () => 100,
  emit(f, { begin, end, buffers, sizes, scratch }): void {
    f.for({ from: begin, to: end }, (i) => {
      f.for({ from: 0, to: 1000 }, () => {});
      const allowed = i32.or(
        i32.eq(sizes.only, 0),
        i32.eq(sizes.only, scratch),
      );
      f.store(
        i32.add(buffers.who, i32.shl(i, 2)),
        i32.divU(scratch, allowed),
      );
    });
  },
};
const signature: SimdKernel = {
  name: "sign",
  buffers: ["who"],
  sizes: ["count", "only"],
  simd: sign,
};

/**
 * Runs `attempt` until it gives true; false after a minute. Tests check types
 * in workers too, which delays the first one by seconds.
 */
function eventually(attempt: () => boolean): boolean {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) if (attempt()) return true;
  return false;
}

Deno.test("Team.run() gives the same bits on any number of threads", () => {
  const count = 1000;
  const results = [1, 2, 3].map((threads) => {
    const { memory, allocate } = arena();
    using team = new Team(memory, { threads, allocate });
    const [x, y] = [allocate(4 * count), allocate(4 * count)];
    const numbers = new Float32Array(memory.buffer);
    const sums = new Float64Array(count);
    for (let launch = 1; launch <= 300; launch++) {
      numbers.subarray(x / 4, x / 4 + count).fill(launch);
      const sizes = { count, pause: launch % 100, factor: 0.3 };
      team.run(division, [x, y], sizes);
      for (let i = 0; i < count; i++) sums[i]! += numbers[y / 4 + i]!;
    }
    return sums;
  });
  let expected = 0;
  for (let launch = 1; launch <= 300; launch++) {
    expected += Math.fround(launch / Math.fround(0.3));
  }
  for (const sums of results) {
    assert(sums.every((sum) => sum === expected));
  }
});

Deno.test("Team.run() shares items with workers, each with own scratch", () => {
  const { memory, allocate } = arena();
  using team = new Team(memory, { threads: 2, allocate });
  const who = allocate(4 * 64);
  assert(eventually(() => {
    team.run(signature, [who], { count: 64, only: 0 });
    const addresses = new Set(new Int32Array(memory.buffer, who, 64));
    assert([...addresses].every((address) => address % 64 === 0));
    return addresses.size === 2;
  }));
});

Deno.test("Team.run() keeps work below twice the grain to itself", () => {
  const { memory, allocate } = arena();
  using team = new Team(memory, { threads: 2, allocate });
  const who = allocate(4 * 64);
  const simd: SimdForm = { ...signature.simd!, grain: () => 33 };
  const grained: SimdKernel = { ...signature, simd };
  for (let launch = 0; launch < 1000; launch++) {
    team.run(grained, [who], { count: 64, only: 0 });
    const addresses = new Set(new Int32Array(memory.buffer, who, 64));
    assertEquals(addresses.size, 1);
  }
});

Deno.test("Team.run() throws the errors of all threads and recovers", () => {
  const { memory, allocate } = arena();
  using team = new Team(memory, { threads: 2, allocate });
  const who = allocate(4 * 64);
  const whoRan = new Int32Array(memory.buffer, who, 64);
  team.run(signature, [who], { count: 1, only: 0 });
  const caller = whoRan[0]!;
  let message = "";
  assert(eventually(() => {
    try {
      team.run(signature, [who], { count: 64, only: caller });
    } catch (error) {
      message = String(error);
    }
    return message !== "";
  }));
  assertStringIncludes(
    message,
    "Cannot run sign: RuntimeError: divide by zero",
  );
  const nobody = { count: 64, only: 1 };
  assertThrows(
    () => team.run(signature, [who], nobody),
    Error,
    "divide by zero",
  );
  whoRan.fill(0);
  team.run(signature, [who], { count: 64, only: 0 });
  assert(whoRan.every((address) => address > 0));
});

Deno.test("Team.close() leaves the calling thread at work", () => {
  const { memory, allocate } = arena();
  const team = new Team(memory, { threads: 2, allocate });
  const who = allocate(4 * 64);
  const whoRan = new Int32Array(memory.buffer, who, 64);
  team.run(signature, [who], { count: 64, only: 0 });
  team.close();
  team.close();
  team.run(signature, [who], { count: 1, only: 0 });
  team.run(signature, [who], { count: 64, only: whoRan[0]! });
  assertEquals(new Set(whoRan).size, 1);
});

Deno.test("Team works in memory that is not shared", () => {
  const { memory, allocate } = arena(false);
  using team = new Team(memory, { threads: 2, allocate });
  const who = allocate(4 * 64);
  team.run(signature, [who], { count: 64, only: 0 });
  assertEquals(new Set(new Int32Array(memory.buffer, who, 64)).size, 1);
});

Deno.test("Team runs no code for no items", () => {
  const { memory, allocate } = arena();
  using team = new Team(memory, { threads: 2, allocate });
  team.run(signature, [2 ** 31], { count: 0, only: 1 });
});

Deno.test("Team that was never closed lets the process end", async () => {
  const url = new URL("../../../kernels/wasm/team.ts", import.meta.url);
  const program = `
    import { Team } from "${url}";
    const memory = new WebAssembly.Memory(
      { initial: 1, maximum: 1, shared: true });
    let top = 0;
    const allocate = (bytes) => (top += 8192) - 8192;
    const simd = { items: () => 9, emit() {} };
    const kernel = { name: "none", buffers: [], sizes: [], simd };
    new Team(memory, { threads: 2, allocate }).run(kernel, [], {});
    console.log("ran");`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    signal: AbortSignal.timeout(20_000),
  });
  const { success, stdout } = await command.output();
  assertEquals(new TextDecoder().decode(stdout), "ran\n");
  assert(success);
});
