/**
 * The command line: `deno task train`, or `deno run cli.ts train`, which also
 * works from a URL.
 *
 * @module
 */
import { resolve } from "node:path";
import * as blt from "./blt/mod.ts";
import { type Device, DeviceError, openDevice } from "./tensor/mod.ts";

/** A mistake of the user: one line, exit code 2. */
class UserError extends Error {}

/** File of a run folder that says which data and device it was started with. */
const COMMAND_FILE = "command.json";

async function runTrain(values: blt.FlagValues): Promise<number> {
  const given: blt.FlagValues = values.data
    ? { ...values, data: values.data.map((path) => resolve(path)) }
    : values;
  const settings = values.resume === undefined
    ? { ...blt.COMMAND_DEFAULTS.train, ...given }
    : await resumed(values.resume, given);
  const folder = values.resume ?? values.out ?? await freeFolder(settings);
  const store = new FolderStore(folder);
  if (values.resume === undefined) await requireEmpty(folder);

  const { data, device: choice, out: _, noSkip, ...flags } = settings;
  const options = noSkip ? { ...flags, skip: false } : flags;
  const documents = data ? await readDocuments(data) : [await readBook()];
  using device = await open(values.device ?? choice);
  const display = new blt.TrainDisplay({
    write: print,
    columns: () =>
      Deno.stdout.isTerminal() ? Deno.consoleSize().columns : undefined,
    now: () => performance.now(),
  });

  const starts: blt.TrainEvent[] = [];
  let sample: Uint8Array | undefined;
  let files = Promise.resolve();
  function report(event: blt.TrainEvent): void {
    display.show(event);
    if (event.kind === "sample") sample = event.bytes;
    if (event.kind === "start") {
      starts.push(event);
      const command = JSON.stringify({ data, device: choice });
      files = files.then(() => store.write(COMMAND_FILE, encode(command)));
    }
    if (event.kind === "saved") {
      files = files.then(() => writeReport(store, starts));
    }
    files.catch(() => {}); // thrown where it is awaited
  }

  const interruption = new AbortController();
  function interrupt(): void {
    if (interruption.signal.aborted) Deno.exit(130);
    interruption.abort();
    display.line("stopping after this step; Ctrl-C again ends at once");
  }
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    const { finished, step } = await blt.train(options, documents, {
      device,
      store,
      report,
      signal: interruption.signal,
      resume: values.resume !== undefined,
    });
    await files;
    if (!finished) {
      display.line(
        `stopped after step ${step}; go on with: deno task train --resume ${folder}`,
      );
      return 130;
    }
  } finally {
    display.finish();
  }
  let cut: blt.Report["sample"];
  if (sample?.length && options.model !== "bytes") {
    using run = await blt.openRun(store, device);
    cut = { bytes: sample, ...await blt.segment(run, sample) };
  }
  await writeReport(store, starts, cut);
  print(`report: ${folder}/report.html\n`);
  print(`more: deno task generate --run ${folder}\n`);
  return 0;
}

/** Settings a run was started with, unless `given` contradicts them. */
async function resumed(
  folder: string,
  given: blt.FlagValues,
): Promise<blt.TrainValues> {
  const store = await runFolder(folder);
  const { plan } = await blt.readRunConfig(store);
  const command = await store.read(COMMAND_FILE) ?? encode("{}");
  const started = { ...plan, ...JSON.parse(new TextDecoder().decode(command)) };
  return blt.resumedValues(started, given);
}

async function writeReport(
  store: FolderStore,
  start: readonly blt.TrainEvent[],
  sample?: blt.Report["sample"],
): Promise<void> {
  const metrics = await store.read(blt.RUN_FILES.metrics);
  const events = [
    ...start,
    ...blt.parseEvents(new TextDecoder().decode(metrics)),
  ];
  const report = { title: store.folder, events, ...sample && { sample } };
  await store.write("report.html", encode(blt.reportHtml(report)));
}

async function runGenerate(values: blt.FlagValues): Promise<number> {
  const { run: folder, device: choice, prompt = "", ...options } = values;
  const store = await runFolder(folder);
  // Standard output is for what is written.
  using device = await open(choice, Deno.stderr);
  using run = await blt.openRun(store, device, values);
  const live = Deno.stdout.isTerminal();
  const stream = new blt.PrintableStream();
  print(live ? blt.printable(encode(prompt)) : prompt);
  const written = await blt.generate(run, {
    ...blt.COMMAND_DEFAULTS.generate,
    ...options,
    prompt: encode(prompt),
  }, (byte) => {
    if (live) print(stream.push(byte));
  });
  print(live ? `${stream.end()}\n` : written);
  return 0;
}

async function runEvaluate(values: blt.FlagValues): Promise<number> {
  const store = await runFolder(values.run);
  const documents = await readDocuments(values.data ?? []);
  using device = await open(values.device, besides(values));
  using run = await blt.openRun(store, device, values);
  const { model, plan: { context } } = run.config;
  const stream = blt.tokenStream(documents);
  const found = await blt.evaluateStream(run, stream, context);
  const { meanPatchBytes } = found;
  const cost = blt.flopsPerByte(model, { context, meanPatchBytes });
  const result = { ...found, flopsPerByte: cost };
  const text = values.json ? JSON.stringify(result) : blt.resultText(result);
  print(`${text}\n`);
  return 0;
}

async function runPatch(values: blt.FlagValues): Promise<number> {
  const {
    run,
    patcher,
    patchBytes = blt.COMMAND_DEFAULTS.patch.patchBytes,
    data,
  } = values;
  if (patcher === "entropy" || patcher === "relative") {
    throw new blt.UsageError(
      `Cannot patch by entropy without a model: expected --run, got --patcher ${patcher}`,
      blt.usageOf("patch"),
    );
  }
  const documents = await readDocuments(data ?? []);
  if (documents.length > 1) {
    throw new UserError(
      `Cannot patch the data: expected one file, got ${documents.length}`,
    );
  }
  const bytes = documents[0]?.bytes ?? encode(values.text ?? "");

  let units: blt.TextUnits;
  if (patcher === undefined) {
    const store = await runFolder(run);
    using device = await open(values.device, besides(values));
    using opened = await blt.openRun(store, device);
    units = await blt.segment(opened, bytes);
  } else {
    units = await blt.segment({ kind: patcher, bytes: patchBytes }, bytes);
  }

  if (values.json) {
    print(`${JSON.stringify(blt.unitObjects(bytes, units))}\n`);
  } else {
    const coloured = Deno.stdout.isTerminal() && !Deno.noColor;
    const view = coloured ? blt.colouredPatches : blt.plainPatches;
    print(`${view(bytes, units)}\n`);
  }
  return 0;
}

/** A run's files in a folder, which is made when the first is written. */
class FolderStore implements blt.RunStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await Deno.readFile(`${this.folder}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new UserError(`Cannot read ${this.folder}/${name}: ${why(error)}`);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = `${this.folder}/${name}`;
    const temporary = `${path}.tmp`;
    try {
      await Deno.mkdir(this.folder, { recursive: true });
      await Deno.writeFile(temporary, bytes);
      using file = await Deno.open(temporary, { write: true });
      // Else a power cut could leave the new name with none of the content.
      await file.sync();
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw new Error(
        `Cannot save ${path}: ${why(error)}; what was saved before is intact`,
      );
    }
  }

  async append(name: string, text: string): Promise<void> {
    const path = `${this.folder}/${name}`;
    try {
      await Deno.mkdir(this.folder, { recursive: true });
      await Deno.writeTextFile(path, text, { append: true });
    } catch (error) {
      throw new Error(`Cannot add to ${path}: ${why(error)}`);
    }
  }
}

async function runFolder(folder = ""): Promise<FolderStore> {
  if (await exists(folder)) return new FolderStore(folder);
  throw new UserError(`Cannot open the run ${folder}: there is no such folder`);
}

/** runs/MODEL-PRESET-N with the first N that is free. */
async function freeFolder(
  { model, preset }: blt.TrainValues,
): Promise<string> {
  for (let n = 1;; n++) {
    const folder = `runs/${model}-${preset}-${n}`;
    if (!await exists(folder)) return folder;
  }
}

async function requireEmpty(folder: string): Promise<void> {
  if (!await exists(folder)) return;
  for await (const { name } of Deno.readDir(folder)) {
    throw new UserError(
      `Cannot train into ${folder}: expected a new or empty folder, got one with ${name}; --resume goes on with a run`,
    );
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new UserError(`Cannot look at ${path}: ${why(error)}`);
  }
}

async function readDocuments(
  paths: readonly string[],
): Promise<blt.Document[]> {
  const documents: blt.Document[] = [];
  for (const path of paths) {
    let total = 0;
    try {
      for await (const name of filesOf(path)) {
        const bytes = await Deno.readFile(name);
        documents.push({ name, bytes });
        total += bytes.length;
      }
    } catch (error) {
      throw new UserError(`Cannot read ${path}: ${why(error)}`);
    }
    if (total === 0) {
      throw new UserError(`Cannot read ${path}: there is nothing in it`);
    }
  }
  return documents;
}

/** The bundled book, which is as far away as this module. */
async function readBook(): Promise<blt.Document> {
  const url = new URL("data/moby_dick.txt", import.meta.url).href;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return { name: url, bytes: await response.bytes() };
  } catch (error) {
    throw new UserError(`Cannot read ${url}: ${why(error)}`);
  }
}

/** Regular files at or below a path, in order of their names. */
async function* filesOf(path: string): AsyncGenerator<string> {
  if ((await Deno.stat(path)).isFile) yield path;
  else {
    const entries = await Array.fromAsync(Deno.readDir(path));
    entries.sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name, isFile, isDirectory } of entries) {
      if (isFile) yield `${path}/${name}`;
      if (isDirectory) yield* filesOf(`${path}/${name}`);
    }
  }
}

/** Opens a device and says which. */
async function open(
  choice: blt.FlagValues["device"],
  output?: Output,
): Promise<Device> {
  const variable = "XDG_RUNTIME_DIR";
  const { state } = await Deno.permissions.query({ name: "env", variable });
  if (state === "granted" && !Deno.env.has(variable)) {
    // Vulkan drivers complain on standard error when it is not set.
    Deno.env.set(variable, "/tmp");
  }
  try {
    const device = await openDevice(choice);
    print(`device: ${device.kind}, ${device.description}\n`, output);
    return device;
  } catch (error) {
    if (error instanceof DeviceError) throw new UserError(error.message);
    throw error;
  }
}

/** An output for text. */
type Output = Pick<typeof Deno.stdout, "writeSync">;

/** The output for what is no result. */
function besides({ json }: blt.FlagValues): Output {
  return json ? Deno.stderr : Deno.stdout;
}

function print(
  content: string | Uint8Array,
  output: Output = Deno.stdout,
): void {
  let rest = typeof content === "string" ? encode(content) : content;
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The message of an error on one line, without the path that Deno adds. */
function why(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/: \w+ '.*'$/s, "").replaceAll("\n", " ");
}

const RUNS = {
  train: runTrain,
  generate: runGenerate,
  evaluate: runEvaluate,
  patch: runPatch,
};

/** Runs a command. Resolves to the exit code. */
async function main([name, ...args]: string[]): Promise<number> {
  try {
    if (name === "--help" || name === "-h") {
      print(`${blt.COMMANDS_HELP}\n`);
      return 0;
    }
    const command = blt.parseCommand(name);
    const values = blt.parseValues(command, args);
    if (!values.help) return await RUNS[command](values);
    print(`${blt.helpOf(command)}\n`);
    return 0;
  } catch (error) {
    // These are faults of the program, for which the stack is wanted.
    const fault = error instanceof TypeError || error instanceof ReferenceError;
    if (!(error instanceof Error) || fault) throw error;
    const usage = error instanceof blt.UsageError ? `\n${error.usage}\n` : "";
    print(`${error.message}\n${usage}`, Deno.stderr);
    const mistake = [blt.UsageError, UserError, RangeError, SyntaxError]
      .some((kind) => error instanceof kind);
    return mistake ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
