import {
  EndToEndBlt,
  type EndToEndConfig,
  modelsOf,
  planOf,
  type TrainPlan,
} from "../../blt/mod.ts";
import { Rng, Scope, Tensor } from "../../tensor/mod.ts";
import { markdown } from "./table.ts";
import { finish, type Place, trainerOf } from "./training.ts";

/** Parts of the model that gradients may reach, by how their names begin. */
const PARTS = {
  "tiny transformer": /^tiny\./,
  "byte embeddings": /^blt\.embedding\.tokens\./,
  "n-gram embeddings": /^blt\.embedding\.ngrams\./,
};

/**
 * How much gradient of the next byte's cost reaches the front of an end-to-end
 * model, through patches of its own and through static ones.
 */
export async function gradientTable(
  plan: TrainPlan,
  place: Place,
): Promise<string> {
  const lines: string[][] = [];
  for (const objective of ["previous", "next"] as const) {
    for (const skip of [true, false]) {
      const own = planOf({ ...plan, objective, skip });
      const { model: config } = modelsOf(own);
      const model = new EndToEndBlt(
        config as EndToEndConfig,
        new Rng(plan.seed).split("model"),
      );
      using trainer = trainerOf(model, place, own);
      const norms = async (step: number): Promise<string[]> => {
        using _scope = new Scope();
        const { ids, targets } = trainer.batches.next();
        const lengths = Array<number>(own.batch).fill(own.context);
        const target = Tensor.from(place.device, [targets.length], targets);
        const teach = model.teach(place.device, own.context);
        const batch = teach.upload({ ids, lengths, starts: [] }, step);
        const { nats } = teach.learn(batch, target);
        trainer.weights.backward(nats);
        const gradients = await trainer.weights.arena.read("gradients");
        return Object.values(PARTS).map((part) =>
          norm(
            [...gradients].flatMap(([name, g]) => part.test(name) ? [g] : []),
          )
        );
      };
      const name = [objective, skip ? "yes" : "no"];
      lines.push([...name, "start", "static", ...await norms(0)]);
      await finish(trainer, own.steps, place);
      lines.push([...name, "end", "static", ...await norms(0)]);
      lines.push([...name, "end", "own", ...await norms(Infinity)]);
    }
  }
  return markdown(
    ["heads", "skip", "training", "patches", ...Object.keys(PARTS)],
    lines,
  );
}

function norm(parts: readonly Float32Array[]): string {
  if (parts.length === 0) return "none";
  let squares = 0;
  for (const part of parts) for (const x of part) squares += x * x;
  return Math.sqrt(squares).toPrecision(3);
}
