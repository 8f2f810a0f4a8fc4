import type { Device } from "../tensor/mod.ts";
import { readSafetensors, writeSafetensors } from "../nn/mod.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { fingerprint } from "./corpus.ts";
import { streamEntropies } from "./entropies.ts";
import { RUN_FILES } from "./run.ts";
import type { RunStore } from "./store.ts";
import type { TrainEvent } from "./train_event.ts";

/** Time between two events of progress. */
const TELL_MS = 1000;

/** Least time between two savings of a pass that is under way. */
const SAVE_MS = 20_000;

/** A pass over the text of a run. */
export interface EntropyPass {
  /** The entropy model, with the weights that the run keeps. */
  readonly model: ByteTransformer;
  /** Computes. */
  readonly device: Device;
  /** The text, from `tokenStream`. */
  readonly stream: Uint32Array;
  /** Keeps the entropies. */
  readonly store: RunStore;
  /** Whether a pass was finished before: its file is expected. */
  readonly expected?: boolean;
  /** Stops the pass, which rejects with its reason when the file is written. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far it is, and of a file that cannot be used. */
  tell(event: TrainEvent): void;
}

/**
 * Entropies of the text of a run, from the file that keeps them; what is not in
 * it is computed and kept there, with the same bits. Result: [T]
 */
export async function keptEntropies(pass: EntropyPass): Promise<Float32Array> {
  const { model, device, stream, store, signal, tell } = pass;
  const labels = {
    text: String(fingerprint(stream)),
    model: String(
      fingerprint(
        await store.read(RUN_FILES.entropyWeights) ?? new Uint8Array(),
      ),
    ),
  };
  const file = await store.read(RUN_FILES.entropies);
  let known: Float32Array | undefined;
  try {
    if (file) known = knownIn(file, labels, stream.length);
    else if (pass.expected) throw new SyntaxError("is missing");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const text = `${RUN_FILES.entropies} ${error.message}: it is made anew`;
    tell({ kind: "warning", text });
  }
  if (known?.length === stream.length) return known;

  const total = stream.length;
  let found = known ?? new Float32Array();
  const before = known?.length ?? 0;
  let done = before;
  let toldAt = -Infinity;
  let savedAt = performance.now();
  let saveMs = 0;
  let saving: Promise<void> | undefined;
  async function save(): Promise<void> {
    const start = performance.now();
    const data = found.subarray(0, done);
    const tensors = new Map([["entropies", { shape: [done], data }]]);
    const sum = String(checksum(data));
    const metadata = new Map(Object.entries({ ...labels, sum }));
    await store.write(RUN_FILES.entropies, writeSafetensors(tensors, metadata));
    savedAt = performance.now();
    saveMs = savedAt - start;
    saving = undefined;
  }
  function progress(positions: number, entropies: Float32Array): void {
    done = positions;
    found = entropies;
    const now = performance.now();
    if (now - toldAt >= TELL_MS) {
      tell({ kind: "progress", what: "entropies", done, total });
      toldAt = now;
    }
    // A long text must not cost more time to save than to read.
    if (now - savedAt < Math.max(SAVE_MS, 20 * saveMs)) return;
    saving ??= save();
    saving.catch(() => {}); // thrown where it is awaited
  }
  try {
    return await streamEntropies(model, device, stream, {
      signal,
      progress,
      ...known ? { known } : {},
    });
  } finally {
    await saving;
    if (done > before) await save();
  }
}

/** Entropies in a file. Throws a `SyntaxError` that says what is wrong. */
function knownIn(
  file: Uint8Array,
  labels: Readonly<Record<string, string>>,
  most: number,
): Float32Array {
  let read: ReturnType<typeof readSafetensors>;
  try {
    read = readSafetensors(file);
  } catch {
    throw new SyntaxError("is damaged");
  }
  const { metadata, tensors } = read;
  for (const [name, label] of Object.entries(labels)) {
    if (metadata.get(name) === label) continue;
    throw new SyntaxError(
      name === "text" ? "is of another text" : "is of another entropy model",
    );
  }
  const data = tensors.get("entropies")?.data;
  const whole = data instanceof Float32Array && data.length <= most &&
    metadata.get("sum") === String(checksum(data));
  if (!whole) throw new SyntaxError("is damaged");
  return data;
}

function checksum(data: Float32Array): number {
  return fingerprint(
    new Uint32Array(data.buffer, data.byteOffset, data.length),
  );
}
