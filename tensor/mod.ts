/**
 * Tensors, their operations and reverse-mode gradients.
 *
 * @module
 */
export {
  type Capture,
  checkNumber,
  type Cost,
  defineKernel,
  type Device,
  type DeviceChoice,
  DeviceError,
  type Expr,
  type Kernel,
  type KernelDefinition,
  type NumberRange,
  openDevice,
  type OpenOptions,
  tune,
  type TuneShapes,
  type Tuning,
  type WgslForm,
} from "../kernels/mod.ts";
export * from "./arena.ts";
export * from "./backward.ts";
export * from "./cache.ts";
export * from "./checkpoint.ts";
export * from "./errors.ts";
export * from "./gather_index.ts";
export * from "./grouping.ts";
export * from "./intervals.ts";
export * from "./metrics.ts";
export * from "./op.ts";
export * from "./operands.ts";
export * from "./ops/mod.ts";
export * from "./quantile.ts";
export { noGrad } from "./recording.ts";
export * from "./replay.ts";
export * from "./rng.ts";
export * from "./rotary.ts";
export * from "./scope.ts";
export * from "./segments.ts";
export * from "./tensor.ts";
export * from "./units.ts";
export * from "./update.ts";
