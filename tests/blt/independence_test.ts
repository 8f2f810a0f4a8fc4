import { bltPreset } from "../../blt/mod.ts";
import type { Device } from "../../tensor/mod.ts";
import { type Make, proveApart, proveIndependent } from "./proofs.ts";
import { blt, bytes, patchers, type Subject } from "./subject.ts";

/** Models to prove, by name: one for each way in which patches can restart. */
const subjects: Readonly<Record<string, Make>> = {
  ByteTransformer: bytes,
  "Blt of a preset's size": (device): Subject => {
    const patcher = patchers["space"]!;
    return blt(device, patcher, { config: bltPreset("nano", patcher) });
  },
  ...Object.fromEntries(
    ["entropy", "relative", "both", "static", "space, at most 2 bytes"].map(
      (name) => [
        `Blt with patches by ${name}`,
        (device: Device): Subject => blt(device, patchers[name]!),
      ],
    ),
  ),
};

for (const [name, make] of Object.entries(subjects)) {
  proveIndependent(name, make);
  proveApart(name, make);
}
