import { resolve } from "node:path";
import * as blt from "../blt/mod.ts";
import { openChosen } from "./device.ts";
import { readBook, readDocuments, STANDARD_INPUT } from "./documents.ts";
import { encode, print, say } from "./output.ts";
import {
  FolderStore,
  freeFolder,
  REPORT_FILE,
  requireEmpty,
  runFolder,
} from "./store.ts";

export async function runTrain(values: blt.FlagValues): Promise<number> {
  const given: blt.FlagValues = values.data
    ? { ...values, data: values.data.map(absolute) }
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
  using device = await openChosen(values.device ?? choice);
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
      files = files.then(() => store.write(blt.COMMAND_FILE, encode(command)));
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
  say(`report: ${folder}/${REPORT_FILE}`);
  say(`more: deno task generate --run ${folder}`);
  return 0;
}

/** The path from wherever the run may be resumed. */
function absolute(path: string): string {
  return path === STANDARD_INPUT ? path : resolve(path);
}

/** Settings a run was started with, unless `given` contradicts them. */
async function resumed(
  folder: string,
  given: blt.FlagValues,
): Promise<blt.TrainValues> {
  const store = await runFolder(folder);
  const { plan } = await blt.readRunConfig(store);
  const bytes = await store.read(blt.COMMAND_FILE) ?? encode("{}");
  const started = { ...plan, ...blt.parseCommandFile(bytes) };
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
  await store.write(REPORT_FILE, encode(blt.reportHtml(report)));
}
