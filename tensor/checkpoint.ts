import { backward } from "./backward.ts";
import { isRecording, withGrad } from "./recording.ts";
import { Scope } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Runs `run` but keeps only its result: what it computed in between is freed
 * and computed again during `backward` (Chen et al., 2016, arXiv:1604.06174).
 *
 * `run` must compute the same result every time it is called. Gradients reach
 * every tensor that it uses and that was made before the call.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward, checkpoint, mul, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [1], [3]);
 * const y = checkpoint(() => mul(mul(x, x), x));
 * const [dx] = backward(y, [x]);
 * assertEquals([...await dx!.data()], [27]);
 * ```
 */
export function checkpoint(run: () => Tensor): Tensor {
  if (!isRecording()) return run();
  const scope = new Scope();
  try {
    const out = run();
    const inputs = inputsOf(out, scope);
    return scope.keep(out.view(out.shape, {
      inputs,
      vjp: ({ g, wants }) => {
        using inner = new Scope();
        const again = withGrad(run);
        const wanted = inputs.filter((_, i) => wants(i));
        const grads = backward(again, wanted, { seed: g });
        return inputs.map((input) => {
          const grad = grads[wanted.indexOf(input)];
          return grad && inner.keep(grad);
        });
      },
    }));
  } finally {
    scope[Symbol.dispose]();
  }
}

/** Tensors that `out` was computed from and that were made outside `scope`. */
function inputsOf(out: Tensor, scope: Scope): Tensor[] {
  const inputs: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack = [out];
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    if (!scope.owns(tensor)) inputs.push(tensor);
    else {
      for (const input of tensor.node?.inputs ?? []) {
        if (input) stack.push(input);
      }
    }
  }
  return inputs;
}
