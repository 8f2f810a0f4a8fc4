import { Scope } from "./scope.ts";

/** What `noGrad` and `withGrad` say, whatever the scope says. */
let chosen: boolean | undefined;

/** Whether operations record how to differentiate them. */
export function isRecording(): boolean {
  return chosen ?? Scope.current?.records ?? true;
}

function during<T>(value: boolean, run: () => T): T {
  const before = chosen;
  chosen = value;
  try {
    return run();
  } finally {
    chosen = before;
  }
}

/**
 * Runs `run` without recording gradients, for evaluation and generation. What
 * waits in between needs `new Scope({ records: false })` instead.
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
