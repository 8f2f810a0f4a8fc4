import type { Tf } from "./tfjs.ts";

/** The threaded backend, by the file that is a module. */
interface WasmBackend {
  setWasmPaths(paths: Readonly<Record<string, string>>): void;
  setThreadsCount(threads: number): void;
}

/**
 * Lets the threaded WebAssembly backend of tfjs start in Deno.
 *
 * It must believe that it is in a browser: its way for Node hands a URL of a
 * blob to `node:worker_threads`, which Deno refuses.
 */
export async function startThreadedWasm(
  tf: Tf,
  threads: number,
): Promise<void> {
  const dist = new URL(
    "../node_modules/@tensorflow/tfjs-backend-wasm/dist/",
    import.meta.url,
  );
  const backend: WasmBackend = await import(
    new URL("tf-backend-wasm.fesm.js", dist).href
  );
  const names = ["", "-simd", "-threaded-simd"]
    .map((variant) => `tfjs-backend-wasm${variant}.wasm`);
  const paths = await Promise.all(names.map(async (name) => {
    const bytes = await Deno.readFile(new URL(name, dist));
    const blob = new Blob([bytes], { type: "application/wasm" });
    return [name, URL.createObjectURL(blob)] as const;
  }));
  backend.setWasmPaths(Object.fromEntries(paths));
  backend.setThreadsCount(threads);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", true);
  const { process } = globalThis as { process?: unknown };
  Object.assign(globalThis, {
    process: undefined,
    window: globalThis,
    Worker: ClassicWorker,
  });
  // It uses half of the cores that it is told of.
  Object.defineProperty(navigator, "hardwareConcurrency", {
    value: 2 * threads,
  });
  await tf.setBackend("wasm");
  Object.assign(globalThis, { process });
  // Its Workers load in the background.
  await new Promise((resolve) => setTimeout(resolve, 500));
}

/** A message of tfjs that hands its script to a Worker. */
interface LoadMessage {
  readonly cmd?: string;
  readonly urlOrBlob?: unknown;
}

/**
 * A Worker that begins as a script, with `importScripts`, as in a browser;
 * Deno has those that begin as a module only.
 */
class ClassicWorker extends globalThis.Worker {
  constructor(url: string | URL) {
    const start = `
      globalThis.process = undefined;
      globalThis.Worker = undefined;
      let script = "";
      self.addEventListener("message", ({ data }) => {
        if (data?.script) script = data.script;
      });
      globalThis.importScripts = () => (0, eval)(script);
      const waiting = [];
      self.onmessage = (event) => waiting.push(event);
      const response = await fetch(${JSON.stringify(String(url))});
      (0, eval)(await response.text());
      for (const event of waiting) self.onmessage(event);`;
    const blob = new Blob([start], { type: "text/javascript" });
    super(URL.createObjectURL(blob), { type: "module" });
  }

  override postMessage(
    message: LoadMessage,
    transfer?: Transferable[] | StructuredSerializeOptions,
  ): void {
    const { cmd, urlOrBlob } = message ?? {};
    const options = Array.isArray(transfer) ? { transfer } : transfer;
    if (cmd === "load" && urlOrBlob instanceof Blob) {
      // A blob cannot be sent to a Worker here; its text can.
      urlOrBlob.text().then((script) =>
        super.postMessage({ ...message, urlOrBlob: "script", script })
      );
    } else super.postMessage(message, options);
  }
}
