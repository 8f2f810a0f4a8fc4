let recording = true;

/** Whether operations record how to differentiate them. */
export function isRecording(): boolean {
  return recording;
}

function during<T>(value: boolean, run: () => T): T {
  const before = recording;
  recording = value;
  try {
    return run();
  } finally {
    recording = before;
  }
}

/**
 * Runs `run` without recording gradients, for evaluation and generation.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { exp, noGrad, openDevice, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [1], [0]);
 * using y = noGrad(() => exp(x));
 * assertEquals(y.node, undefined);
 * ```
 */
export function noGrad<T>(run: () => T): T {
  return during(false, run);
}

/** Records even inside `noGrad`: for what `backward` computes again. */
export function withGrad<T>(run: () => T): T {
  return during(true, run);
}
