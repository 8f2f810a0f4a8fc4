import type { FlagValues } from "../blt/mod.ts";
import { type Device, DeviceError, openDevice } from "../tensor/mod.ts";
import { type Output, say } from "./output.ts";
import { UserError } from "./user_error.ts";

/** Opens a device and says which. */
export async function openChosen(
  choice: FlagValues["device"],
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
    say(`device: ${device.kind}, ${device.description}`, output);
    return device;
  } catch (error) {
    if (error instanceof DeviceError) throw new UserError(error.message);
    throw error;
  }
}
