import type { DeviceChoice } from "../tensor/mod.ts";
import { choice, list, object, optional, readJson, text } from "./fields.ts";

/** File of a run folder that says what the run was started with. */
export const COMMAND_FILE = "command.json";

/** What a run was started with, besides its plan. */
export interface StartCommand {
  /** Paths of its texts; absent for the bundled book. */
  readonly data?: readonly string[];
  /** The device that was asked for. */
  readonly device?: DeviceChoice;
  /** Its other flags as arguments, until there is a plan. */
  readonly settings?: readonly string[];
}

const COMMAND_FIELD = object<StartCommand>({
  data: optional(list(text(2 ** 15), 2 ** 16)),
  device: optional(choice<DeviceChoice>(["auto", "webgpu", "cpu"])),
  settings: optional(list(text(2 ** 15), 2 ** 8)),
});

/** Reads `command.json`. Throws a `SyntaxError` naming what is wrong. */
export function parseCommandFile(bytes: Uint8Array): StartCommand {
  const options = { field: COMMAND_FIELD, most: 2 ** 24 };
  return readJson(COMMAND_FILE, bytes, options);
}
