/** What a training run tells while it runs; also a line of its metrics. */
export type TrainEvent =
  | StartEvent
  | StepEvent
  | ProgressEvent
  | PatcherEvent
  | EvaluationEvent
  | WarningEvent
  | SavedEvent
  | SampleEvent;

/** The data are read and the model is built: training begins. */
export interface StartEvent {
  /** Tag of the union. */
  readonly kind: "start";
  /** The device, as `kind, description`. */
  readonly device: string;
  /** The model in words. */
  readonly model: string;
  /** Parameters that take part in matrix products, and rows of tables. */
  readonly parameters: { readonly compute: number; readonly lookup: number };
  /** FLOPs of a forward pass, divided by its bytes. */
  readonly flopsPerByte: number;
  /** Bytes to learn from. */
  readonly trainBytes: number;
  /** Bytes kept for evaluation. */
  readonly heldOutBytes: number;
  /** Steps of the model, without those of the entropy model. */
  readonly steps: number;
  /** Rows in a batch. */
  readonly batch: number;
  /** Ids in a row. */
  readonly context: number;
  /** Steps that were done before; absent for a new run. */
  readonly resumedAt?: number;
}

/** Steps were made. */
export interface StepEvent {
  /** Tag of the union. */
  readonly kind: "step";
  /** What is being trained. */
  readonly phase: "entropy model" | "model";
  /** Steps done, from 1. */
  readonly step: number;
  /** Steps of this phase. */
  readonly steps: number;
  /** Mean cross-entropy, in nats per id. */
  readonly loss: number;
  /** The loss per byte of text, in bits. */
  readonly bitsPerByte: number;
  /** L2 norm of all gradients, before clipping. */
  readonly gradientNorm: number;
  /** Learning rate. */
  readonly lr: number;
  /** Bytes learnt from in a second. */
  readonly bytesPerSecond: number;
  /** Expected seconds to the end of this phase. */
  readonly secondsLeft: number;
  /** Mean bytes in a patch; absent where there are no patches. */
  readonly meanPatchBytes?: number;
  /** What else the model reports, such as groups of each level, by name. */
  readonly more?: Readonly<Record<string, number>>;
}

/** Work that is no step goes on; told about once a second. */
export interface ProgressEvent {
  /** Tag of the union. */
  readonly kind: "progress";
  /** What is done: the entropy of every byte of the text. */
  readonly what: "entropies";
  /** Positions of the text that are done. */
  readonly done: number;
  /** Positions of the text. */
  readonly total: number;
}

/** The threshold of the patcher was found. */
export interface PatcherEvent {
  /** Tag of the union. */
  readonly kind: "patcher";
  /** In nats. */
  readonly threshold: number;
  /** Mean patch wanted, in bytes. */
  readonly target: number;
  /** Mean patch reached, in bytes. */
  readonly measured: number;
}

/** The model was evaluated on the held-out text. */
export interface EvaluationEvent {
  /** Tag of the union. */
  readonly kind: "evaluation";
  /** Steps done before it. */
  readonly step: number;
  /** Bits per byte of the held-out text. */
  readonly bitsPerByte: number;
  /** Bytes evaluated. */
  readonly bytes: number;
}

/** Something is wrong, but the run goes on. */
export interface WarningEvent {
  /** Tag of the union. */
  readonly kind: "warning";
  /** What is wrong. */
  readonly text: string;
}

/** All that is needed to resume was stored. */
export interface SavedEvent {
  /** Tag of the union. */
  readonly kind: "saved";
  /** Steps done before it. */
  readonly step: number;
}

/** The model wrote something. */
export interface SampleEvent {
  /** Tag of the union. */
  readonly kind: "sample";
  /** [bytes] */
  readonly bytes: Uint8Array;
}
