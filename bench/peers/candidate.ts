/**
 * One library on one backend, in a process of its own: answers what
 * `child.ts` asks for. The argument names it.
 *
 * @module
 */
import type { Request } from "./child.ts";
import { JsonLines } from "./json_lines.ts";
import type { Library, Task } from "./work.ts";

async function open(name: string): Promise<Library> {
  const [library, backend = "", threads = "1"] = name.split("/");
  switch (library) {
    case "club": {
      const { openClub } = await import("./libraries/club.ts");
      return await openClub(backend, Number(threads));
    }
    case "jax": {
      const { openJax } = await import("./libraries/jax.ts");
      return await openJax(backend, Number(threads));
    }
    case "tfjs": {
      const { openTfjs } = await import("./libraries/tfjs.ts");
      return await openTfjs(backend, Number(threads));
    }
    case "onnx": {
      const { openOnnx } = await import("./libraries/onnx.ts");
      return await openOnnx(backend, Number(threads));
    }
    case "torch": {
      const { openTorch } = await import("./libraries/torch.ts");
      return await openTorch(backend, Number(threads));
    }
    default:
      throw new RangeError(
        `Cannot open ${name}: expected club, jax, tfjs, onnx or torch, got ${library}`,
      );
  }
}

const lines = new JsonLines(Deno.stdin.readable, Deno.stdout.writable);
let library: Library | undefined;
let task: Task | undefined;

/** Milliseconds of a run, a check's number; `null` for what is impossible. */
async function reply(request: Request): Promise<string | number | null> {
  switch (request.do) {
    case "open":
      library = await open(request.name);
      return library.description;
    case "prepare":
      task = await library!.prepare(request.work);
      return task ? 0 : null;
    case "run": {
      const start = performance.now();
      await task!.run(request.times);
      return (performance.now() - start) / request.times;
    }
    case "check":
      return await task!.check();
  }
}

for (;;) {
  const request = await lines.receive() as Request;
  try {
    await lines.send({ value: await reply(request) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await lines.send({ error: message.slice(0, 300) });
  }
}
