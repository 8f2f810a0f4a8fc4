import * as blt from "../blt/mod.ts";
import { openChosen } from "./device.ts";
import { readDocuments } from "./documents.ts";
import { besides, encode, jsonText, print, say } from "./output.ts";
import { runFolder } from "./store.ts";
import { runTrain } from "./train.ts";
import { UserError } from "./user_error.ts";

async function runGenerate(values: blt.FlagValues): Promise<number> {
  const { run: folder, device: choice, prompt = "", ...options } = values;
  const store = await runFolder(folder);
  // Standard output is for what is written.
  using device = await openChosen(choice, Deno.stderr);
  using run = await blt.openRun(store, device, values);
  const live = Deno.stdout.isTerminal();
  const stream = new blt.PrintableStream();
  print(live ? blt.printable(encode(prompt)) : prompt);
  await blt.generate(run, {
    ...blt.COMMAND_DEFAULTS.generate,
    ...options,
    prompt: encode(prompt),
  }, (byte) => {
    print(live ? stream.push(byte) : Uint8Array.of(byte));
  });
  if (live) print(`${stream.end()}\n`);
  return 0;
}

async function runEvaluate(values: blt.FlagValues): Promise<number> {
  const store = await runFolder(values.run);
  const documents = await readDocuments(values.data ?? []);
  using device = await openChosen(values.device, besides(values));
  using run = await blt.openRun(store, device, values);
  const { model, plan: { context } } = run.config;
  const stream = blt.tokenStream(documents);
  const found = await blt.evaluateStream(run, stream, context);
  const { meanPatchBytes } = found;
  const cost = blt.flopsPerByte(model, { context, meanPatchBytes });
  const result = { ...found, flopsPerByte: cost };
  const text = values.json ? jsonText(result) : blt.resultText(result);
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
    using device = await openChosen(values.device, besides(values));
    using opened = await blt.openRun(store, device);
    units = await blt.segment(opened, bytes);
  } else {
    units = await blt.segment({ kind: patcher, bytes: patchBytes }, bytes);
  }

  if (values.json) {
    print(`${jsonText(blt.unitObjects(bytes, units))}\n`);
  } else {
    const coloured = Deno.stdout.isTerminal() && !Deno.noColor;
    const view = coloured ? blt.colouredPatches : blt.plainPatches;
    print(`${view(bytes, units)}\n`);
  }
  return 0;
}

const RUNS = {
  train: runTrain,
  generate: runGenerate,
  evaluate: runEvaluate,
  patch: runPatch,
};

/** Exit code of what writes to a pipe that nobody reads: 128 + SIGPIPE. */
const SIGPIPE_CODE = 141;

/** Runs a command. Resolves to the exit code. */
export async function main([name, ...args]: string[]): Promise<number> {
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
    // The reader has gone, as in `generate | head -c 9`: nothing is wrong.
    if (error instanceof Deno.errors.BrokenPipe) return SIGPIPE_CODE;
    // These are faults of the program, for which the stack is wanted.
    const fault = error instanceof TypeError || error instanceof ReferenceError;
    if (!(error instanceof Error) || fault) throw error;
    try {
      say(error.message, Deno.stderr);
      if (error instanceof blt.UsageError) say(`\n${error.usage}`, Deno.stderr);
    } catch {
      // The exit code is all that is left to tell.
    }
    const mistake = [blt.UsageError, UserError, RangeError, SyntaxError]
      .some((kind) => error instanceof kind);
    return mistake ? 2 : 1;
  }
}
