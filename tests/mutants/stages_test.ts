import { assertEquals } from "@std/assert";
import type { Fault, Machine } from "./faults.ts";
import { fileTimes, stagesOf } from "./stages.ts";

const TEXTS = new Map([
  ["kernels/a.ts", ""],
  ["kernels/mod.ts", 'export * from "./a.ts";'],
  ["nn/b.ts", 'import { a } from "../kernels/a.ts";'],
  ["tests/kernels/a_test.ts", ""],
  ["tests/nn/b_test.ts", ""],
  ["tests/nn/c_test.ts", ""],
  ["tests/training/d_test.ts", ""],
  ["tests/training/trainer.ts", ""],
]);

function stages(path: string, machine: Machine): string[] {
  const fault: Fault = { path, machine, kind: "", at: 0, length: 0, by: "" };
  return stagesOf(fault, TEXTS).map(({ tests, gpu }) =>
    `${gpu ? "all" : "processor"}: ${tests.join(" ")}`
  );
}

Deno.test("stagesOf() asks the file's tests first and all in the end", () => {
  assertEquals(stages("kernels/a.ts", "any"), [
    "processor: tests/kernels/a_test.ts",
    "processor: tests/nn/b_test.ts tests/training/d_test.ts",
    "all: tests/kernels/a_test.ts",
    "processor: tests/nn/c_test.ts",
    "all: tests/nn/b_test.ts tests/training/d_test.ts",
    "all: tests/nn/c_test.ts",
  ]);
});

Deno.test("stagesOf() asks no processor about WGSL", () => {
  assertEquals(stages("kernels/a.ts", "gpu"), [
    "all: tests/kernels/a_test.ts",
    "all: tests/nn/b_test.ts tests/training/d_test.ts",
    "all: tests/nn/c_test.ts",
  ]);
});

Deno.test("stagesOf() asks the processor alone about its own code", () => {
  assertEquals(stages("kernels/a.ts", "processor"), [
    "processor: tests/kernels/a_test.ts",
    "processor: tests/nn/b_test.ts tests/training/d_test.ts",
    "processor: tests/nn/c_test.ts",
  ]);
});

Deno.test("fileTimes() adds up the tests of each file", () => {
  const report = `<testsuites time="9">
    <testsuite name="./tests/a_test.ts" tests="2" failures="0">
        <testcase name="a &lt; b" classname="./tests/a_test.ts" time="1.500" line="3">
        </testcase>
        <testcase name="c" classname="./tests/a_test.ts" time="0.250" line="4">
        </testcase>
    </testsuite>
    <testsuite name="./tests/b_test.ts" tests="1">
        <testcase name="d" time="0.002"></testcase>
    </testsuite>`;
  assertEquals(
    fileTimes(report),
    new Map([["tests/a_test.ts", 1750], ["tests/b_test.ts", 2]]),
  );
});
