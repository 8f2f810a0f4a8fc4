import { SIZES, trainingBatch } from "../data.ts";
import { JsonLines } from "../json_lines.ts";
import type { Library, Task } from "../work.ts";

/** PyTorch of the system's Python 3: native, so a yardstick and no peer. */
export async function openTorch(
  _backend: string,
  threads: number,
): Promise<Library> {
  const script = new URL("torch_process.py", import.meta.url).pathname;
  const process = new Deno.Command("/usr/bin/python3", {
    args: [script, String(threads)],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = new JsonLines(process.stdout, process.stdin);
  const description = String(await lines.receive());
  const ask = async (message: unknown): Promise<number> => {
    await lines.send(message);
    return Number(await lines.receive());
  };
  return {
    description,
    async prepare(work): Promise<Task | undefined> {
      if (work.kind !== "step") return undefined;
      const size = SIZES[work.size];
      await ask({ size });
      let steps = 0;
      let last = NaN;
      return {
        async run(times): Promise<void> {
          for (let i = 0; i < times; i++) {
            const { inputs, targets } = trainingBatch(size, steps++);
            last = await ask({ inputs: [...inputs], targets: [...targets] });
          }
        },
        check: () => Promise.resolve(last),
      };
    },
  };
}
