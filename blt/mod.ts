/**
 * The Byte Latent Transformer family: bytes, patches, models, training.
 *
 * @module
 */
export * from "./batch.ts";
export * from "./blt.ts";
export * from "./byte_embedding.ts";
export * from "./byte_transformer.ts";
export * from "./bytes.ts";
export * from "./calibrate.ts";
export * from "./config.ts";
export * from "./corpus.ts";
export * from "./huggingface.ts";
export * from "./ngram_hash.ts";
export * from "./patcher_config.ts";
export * from "./patchers.ts";
export * from "./patching.ts";
export * from "./pool.ts";
export * from "./reader.ts";
export * from "./store.ts";
export * from "./units.ts";
