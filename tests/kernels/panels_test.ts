import { assertEquals } from "@std/assert";
import { panelled, panelsKernel } from "../../kernels/mod.ts";
import { EXACT } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

formsTest(
  panelsKernel,
  [[1, 1], [16, 4], [17, 3], [37, 0], [48, 259]].map(([n = 0, k = 0]) => ({
    sizes: { n, k },
    buffers: { x: n * k, out: panelled(n) * k },
  })),
  EXACT,
);

Deno.test("panelsKernel() defines lines side by side, the last one repeated", () => {
  const [n, k] = [18, 2];
  const x = Float64Array.from(
    { length: n * k },
    (_, i) => 10 * Math.floor(i / k) + i % k,
  );
  const out = new Float64Array(panelled(n) * k);
  panelsKernel.define({ x, out }, { n, k });
  const lines = (first: number): number[] =>
    Array.from({ length: 16 }, (_, l) => 10 * Math.min(first + l, n - 1));
  const panel = (first: number): number[] => [
    ...lines(first),
    ...lines(first).map((number) => number + 1),
  ];
  assertEquals([...out], [...panel(0), ...panel(16)]);
});
