import {
  choice,
  type Field,
  number,
  object,
  optional,
  record,
  text,
  union,
  whole,
} from "./fields.ts";
import type {
  EvaluationEvent,
  PatcherEvent,
  ProgressEvent,
  SampleEvent,
  SavedEvent,
  StartEvent,
  StepEvent,
  TrainEvent,
  WarningEvent,
} from "./train_event.ts";

const count = whole(0, Number.MAX_SAFE_INTEGER);
const words = text(2 ** 12);

/** Events as metrics keep them, of which samples and progress are none. */
type KeptEvent = Exclude<TrainEvent, SampleEvent | ProgressEvent>;

/** Reads an event out of parsed JSON. */
export const EVENT_FIELD: Field<KeptEvent> = union<KeptEvent>({
  start: object<StartEvent>({
    kind: choice(["start"]),
    device: words,
    model: words,
    parameters: object({ compute: count, lookup: count }),
    flopsPerByte: number(0),
    trainBytes: count,
    heldOutBytes: count,
    steps: count,
    batch: count,
    context: count,
    resumedAt: optional(count),
  }),
  step: object<StepEvent>({
    kind: choice(["step"]),
    phase: choice(["entropy model", "model"]),
    step: count,
    steps: count,
    loss: number(),
    bitsPerByte: number(),
    gradientNorm: number(),
    lr: number(),
    bytesPerSecond: number(0),
    secondsLeft: number(),
    meanPatchBytes: optional(number()),
    more: optional(record(number())),
  }),
  patcher: object<PatcherEvent>({
    kind: choice(["patcher"]),
    threshold: number(),
    target: number(),
    measured: number(),
  }),
  evaluation: object<EvaluationEvent>({
    kind: choice(["evaluation"]),
    step: count,
    bitsPerByte: number(),
    bytes: count,
  }),
  warning: object<WarningEvent>({ kind: choice(["warning"]), text: words }),
  saved: object<SavedEvent>({ kind: choice(["saved"]), step: count }),
});
