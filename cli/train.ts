import { resolve } from "node:path";
import * as blt from "../blt/mod.ts";
import { openChosen } from "./device.ts";
import { readBook, readDocuments, STANDARD_INPUT } from "./documents.ts";
import { Interruption } from "./interruption.ts";
import { encode, forgivingOutput, print, quoted, say } from "./output.ts";
import { exists, requireEmpty, RunFolder } from "./run_folder.ts";
import { REPORT_FILE, runFolder } from "./store.ts";
import { UserError } from "./user_error.ts";

/** What is known about a run before its texts are read. */
interface Beginning {
  readonly settings: blt.TrainValues;
  /** Its folder, where that is taken already. */
  readonly folder?: RunFolder;
  /** Whether it has a `config.json`. */
  readonly begun: boolean;
}

export async function runTrain(values: blt.FlagValues): Promise<number> {
  const given: blt.FlagValues = values.data
    ? { ...values, data: values.data.map(absolute) }
    : values;
  // Training goes on when nobody reads what it shows.
  const output = forgivingOutput();
  await using owned = new AsyncDisposableStack();
  const { settings, begun, ...place } = values.resume === undefined
    ? await fresh(given)
    : await resumed(values.resume, given);
  if (place.folder) owned.use(place.folder);

  const { data, device: choice, out, resume: _, noSkip, ...flags } = settings;
  const options = noSkip ? { ...flags, skip: false } : flags;
  const documents = data ? await readDocuments(data) : [await readBook()];
  using device = await openChosen(values.device ?? choice, output);
  const folder = place.folder ??
    owned.use(await RunFolder.create(out, settings));
  const { store, path } = folder;
  const command = encode(JSON.stringify({
    data,
    device: choice,
    settings: blt.argumentsOf({ ...flags, ...noSkip ? { noSkip } : {} }),
  }));
  if (!begun) await store.write(blt.COMMAND_FILE, command);

  const display = new blt.TrainDisplay({
    write: (text) => print(text, output),
    columns,
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
      // The texts are those of the run, wherever they are now.
      if (begun) {
        files = files.then(() => store.write(blt.COMMAND_FILE, command));
      }
    }
    if (event.kind === "saved") {
      files = files.then(() => writeReport(folder, starts));
    }
    files.catch(() => {}); // thrown where it is awaited
  }

  using interruption = new Interruption((again) =>
    display.line(`stopping after this step; ${again} ends at once`)
  );
  try {
    const { finished, step } = await blt.train(options, documents, {
      device,
      store,
      report,
      signal: interruption.signal,
      resume: begun,
    });
    await files;
    if (!finished) {
      display.line(
        `stopped after step ${step}; go on with: deno task train --resume ${
          quoted(path)
        }`,
      );
      return interruption.code;
    }
  } catch (error) {
    await files.catch(() => {}); // the first error counts
    if (!(error instanceof blt.NonFiniteError)) throw error;
    const flag = blt.flagName(error.cure);
    throw new Error(
      `${error.message}: deno task train --resume ${quoted(path)} ${flag} X`,
    );
  } finally {
    display.finish();
  }
  let cut: blt.Report["sample"];
  if (sample?.length && options.model !== "bytes") {
    using run = await blt.openRun(store, device);
    cut = { bytes: sample, ...await blt.segment(run, sample) };
  }
  await writeReport(folder, starts, cut);
  say(`report: ${path}/${REPORT_FILE}`, output);
  say(`more: deno task generate --run ${quoted(path)}`, output);
  return 0;
}

/** The path from wherever the run may be resumed. */
function absolute(path: string): string {
  return path === STANDARD_INPUT ? path : resolve(path);
}

/** Width of the terminal. */
function columns(): number | undefined {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : undefined;
  } catch {
    return undefined; // the terminal has been closed
  }
}

async function fresh(given: blt.FlagValues): Promise<Beginning> {
  if (given.out !== undefined) await requireEmpty(given.out);
  return {
    settings: { ...blt.COMMAND_DEFAULTS.train, ...given },
    begun: false,
  };
}

/** Settings a run was started with, and what of them `given` may change. */
async function resumed(
  path: string,
  given: blt.FlagValues,
): Promise<Beginning> {
  await runFolder(path);
  const folder = await RunFolder.resume(path);
  try {
    const { store } = folder;
    const begun = await store.read(blt.RUN_FILES.config) !== undefined;
    for (const name of [blt.RUN_FILES.state, blt.RUN_FILES.weights]) {
      if (begun || !await exists(`${path}/${name}`)) continue;
      throw new UserError(
        `Cannot resume ${path}: expected ${blt.RUN_FILES.config} beside ${name}, got none; begin a run in another folder with --out`,
      );
    }
    const bytes = await store.read(blt.COMMAND_FILE);
    if (!begun && !bytes) {
      throw new UserError(
        `Cannot resume ${path}: no run has begun in it; begin one with --out ${
          quoted(path)
        }`,
      );
    }
    const { settings = [], ...command } = blt.parseCommandFile(
      bytes ?? encode("{}"),
    );
    const started = begun
      ? flagsOf((await blt.readRunConfig(store)).plan)
      : blt.parseValues("train", settings);
    const defaults = blt.COMMAND_DEFAULTS.train;
    const before = { ...defaults, ...started, ...command };
    return { settings: blt.resumedValues(before, given), folder, begun };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** A plan as the flags that say it. */
function flagsOf(plan: blt.TrainPlan): blt.FlagValues {
  const { skip, entropySteps: _, ...flags } = plan;
  return skip ? flags : { ...flags, noSkip: true };
}

async function writeReport(
  { store, path }: RunFolder,
  start: readonly blt.TrainEvent[],
  sample?: blt.Report["sample"],
): Promise<void> {
  const metrics = await store.read(blt.RUN_FILES.metrics);
  const events = [
    ...start,
    ...blt.parseEvents(new TextDecoder().decode(metrics)),
  ];
  const report = { title: path, events, ...sample && { sample } };
  await store.write(REPORT_FILE, encode(blt.reportHtml(report)));
}
