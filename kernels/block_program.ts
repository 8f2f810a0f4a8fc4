import { expandPowers, type Expr, partsOf } from "./expression.ts";
import { PRIMITIVES } from "./primitives.ts";

/** Elements worked on at a time: small enough that all parts stay in cache. */
export const BLOCK = 512;

/**
 * Expressions as plain loops: one loop per part over a block of elements, so
 * that each loop is tight without generating code. All parts are float64; an
 * output is rounded once, where it is stored.
 */
export class BlockProgram {
  /** Block of each input used, to be filled before `run`. */
  readonly inputs: ReadonlyMap<number, Float64Array>;
  /** Block of each output, in order. */
  readonly outputs: readonly Float64Array[];
  readonly #steps: readonly ((length: number) => void)[];

  /** Prepares blocks and loops for `outputs`. */
  constructor(outputs: readonly Expr[]) {
    const blocks = new Map<Expr, Float64Array>();
    const inputs = new Map<number, Float64Array>();
    const steps: ((length: number) => void)[] = [];
    const roots = expandPowers(outputs);
    for (const part of partsOf(roots)) {
      const block = new Float64Array(BLOCK);
      blocks.set(part, block);
      if (part.op === "input") inputs.set(part.value, block);
      else if (part.op === "constant") block.fill(part.value);
      else {
        const { run } = PRIMITIVES[part.op];
        const [x = block, y = block, z = block] = part.args.map((arg) =>
          blocks.get(arg)!
        );
        steps.push((length) => run(block, length, x, y, z));
      }
    }
    this.inputs = inputs;
    this.outputs = roots.map((output) => blocks.get(output)!);
    this.#steps = steps;
  }

  /** Computes the first `length` elements of every output's block. */
  run(length: number): void {
    for (const step of this.#steps) step(length);
  }
}
