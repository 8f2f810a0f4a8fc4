/**
 * Layers, optimizers and weights files.
 *
 * @module
 */
export * from "./attention.ts";
export * from "./embedding.ts";
export * from "./feed_forward.ts";
export * from "./init.ts";
export * from "./kv_cache.ts";
export * from "./layer_norm.ts";
export * from "./linear.ts";
export * from "./module.ts";
export * from "./rms_norm.ts";
export * from "./optimizer.ts";
export * from "./safetensors.ts";
export * from "./sampling.ts";
export * from "./schedule.ts";
export * from "./transformer.ts";
export * from "./weights.ts";
