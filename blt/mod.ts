/**
 * The Byte Latent Transformer family: bytes, patches, models, training.
 *
 * @module
 */
export * from "./batch.ts";
export * from "./blt.ts";
export * from "./body_session.ts";
export * from "./byte_embedding.ts";
export * from "./byte_transformer.ts";
export * from "./bytes.ts";
export * from "./calibrate.ts";
export * from "./checkpoint.ts";
export * from "./command_file.ts";
export * from "./commands.ts";
export * from "./config.ts";
export * from "./corpus.ts";
export * from "./cost.ts";
export * from "./end_to_end.ts";
export * from "./entropies.ts";
export * from "./entropy_file.ts";
export * from "./errors.ts";
export * from "./evaluate.ts";
export * from "./flags.ts";
export * from "./generate.ts";
export * from "./host_grouping.ts";
export * from "./huggingface.ts";
export * from "./journal.ts";
export * from "./lesson.ts";
export * from "./level.ts";
export * from "./level_session.ts";
export * from "./model.ts";
export * from "./ngram_hash.ts";
export * from "./open_groups.ts";
export * from "./options.ts";
export * from "./patch_view.ts";
export * from "./patcher_config.ts";
export * from "./patchers.ts";
export * from "./patching.ts";
export * from "./phase.ts";
export * from "./pool.ts";
export * from "./presets.ts";
export * from "./progress.ts";
export * from "./reader.ts";
export * from "./report_html.ts";
export * from "./routing.ts";
export * from "./run.ts";
export * from "./segment.ts";
export * from "./session.ts";
export * from "./stacked.ts";
export * from "./store.ts";
export * from "./train.ts";
export * from "./train_event.ts";
export * from "./trainer.ts";
export * from "./turns.ts";
export * from "./uncertainty.ts";
export * from "./units.ts";
