/**
 * Byte Latent Transformers on WebGPU and on the processor: tensors with
 * reverse-mode gradients, layers, and models over bytes.
 *
 * @module
 */
export * from "./tensor/mod.ts";
export * from "./nn/mod.ts";
export * from "./blt/mod.ts";
