/** Every operation on tensors. @module */
export * from "./attention.ts";
export * from "./cross_entropy.ts";
export * from "./elementwise.ts";
export * from "./embedding.ts";
export * from "./fuse.ts";
export * from "./layout.ts";
export * from "./linear.ts";
export * from "./matmul.ts";
export * from "./reduce.ts";
export * from "./reshape.ts";
export * from "./rms_norm.ts";
export * from "./rope.ts";
export * from "./scan.ts";
export * from "./segment.ts";
export * from "./softmax.ts";
export * from "./swiglu.ts";
