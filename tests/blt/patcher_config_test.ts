import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  checkPatcher,
  type PatcherConfig,
  readsEntropy,
} from "../../blt/patcher_config.ts";

Deno.test("readsEntropy() is true of the entropy rules only", () => {
  const threshold = 1;
  const configs: PatcherConfig[] = [
    { kind: "entropy", threshold },
    { kind: "relative", threshold },
    { kind: "both", threshold, increase: 0 },
    { kind: "static", bytes: 4 },
    { kind: "space" },
    { kind: "byte" },
    { kind: "custom", ends: () => true },
  ];
  assertEquals(
    configs.filter(readsEntropy).map(({ kind }) => kind),
    ["entropy", "relative", "both"],
  );
});

Deno.test("checkPatcher() returns a good config unchanged", () => {
  const config: PatcherConfig = { kind: "static", bytes: 4, maxBytes: 1 };
  assertStrictEquals(checkPatcher(config), config);
});

Deno.test("checkPatcher() names the bad field", () => {
  const bad: [PatcherConfig, string][] = [
    [{ kind: "entropy", threshold: NaN }, "threshold must be finite, got NaN"],
    [{ kind: "relative", threshold: Infinity }, "threshold must be finite"],
    [{ kind: "both", threshold: NaN, increase: 0 }, "threshold must be finite"],
    [{ kind: "both", threshold: 1, increase: NaN }, "increase must be finite"],
    [{ kind: "static", bytes: 0 }, "bytes must be an integer >= 1, got 0"],
    [{ kind: "static", bytes: 2.5 }, "bytes must be an integer >= 1, got 2.5"],
    [{ kind: "byte", maxBytes: 0 }, "maxBytes must be an integer >= 1, got 0"],
  ];
  for (const [config, message] of bad) {
    assertThrows(
      () => checkPatcher(config),
      RangeError,
      `Cannot build a patcher: ${message}`,
    );
  }
});
