/**
 * Everything that knows WebGPU, WGSL and WebAssembly.
 *
 * A kernel is plain data: the buffers it reads and writes, its WGSL, its
 * definition as loops, and what it costs. A device launches it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { copyKernel, openDevice } from "./mod.ts";
 *
 * using device = await openDevice("cpu");
 * const [x, out] = [device.allocate(8), device.allocate(8)];
 * device.write(x, Float32Array.of(1, 2));
 * device.launch(copyKernel, { x, out }, { length: 2 });
 * const [bytes] = await device.read([out]);
 * assertEquals([...new Float32Array(bytes!)], [1, 2]);
 * ```
 *
 * @module
 */
export * from "./adamw.ts";
export * from "./attention.ts";
export * from "./attention_grad.ts";
export * from "./attention_layout.ts";
export * from "./column_sum.ts";
export * from "./copy.ts";
export * from "./cpu_device.ts";
export * from "./cross_entropy.ts";
export * from "./device.ts";
export * from "./dropout.ts";
export * from "./elementwise.ts";
export * from "./embedding.ts";
export * from "./entropy.ts";
export * from "./errors.ts";
export * from "./expression.ts";
export * from "./followed.ts";
export * from "./grad_norm.ts";
export * from "./grouping.ts";
export type { HeapItem } from "./heap.ts";
export * from "./invert_intervals.ts";
export * from "./kernel.ts";
export * from "./last_of.ts";
export * from "./layer_norm.ts";
export * from "./layout.ts";
export * from "./matmul.ts";
export * from "./matmul_parts.ts";
export * from "./matmul_structure.ts";
export * from "./metrics.ts";
export * from "./narrow.ts";
export * from "./number.ts";
export * from "./open.ts";
export { panelled, panelsKernel } from "./panels.ts";
export * from "./pool.ts";
export * from "./primitives.ts";
export * from "./profile.ts";
export * from "./quantile.ts";
export * from "./reduce.ts";
export * from "./rms_norm.ts";
export * from "./rope.ts";
export * from "./scan.ts";
export * from "./segment.ts";
export * from "./sgd.ts";
export * from "./smooth.ts";
export * from "./softmax.ts";
export * from "./store_rows.ts";
export * from "./strides.ts";
export * from "./swiglu.ts";
export * from "./threefry.ts";
export * from "./tune.ts";
export * from "./tuning.ts";
export type { WebgpuOptions } from "./webgpu_device.ts";
export type * from "./wasm/assembler.ts";
export type * from "./wasm/form.ts";
export type {
  Expression,
  F32,
  F32Like,
  I32,
  I32Like,
  V128,
  ValueType,
} from "./wasm/instructions.ts";
