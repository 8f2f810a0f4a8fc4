/**
 * Runs all tests with the arguments given, and says at the end what this
 * machine could not test.
 *
 * @module
 */
import { DeviceError, openDevice } from "../kernels/mod.ts";

/** The driver of a software adapter complains when this is not set. */
const RUNTIME_DIR = "XDG_RUNTIME_DIR";

if (!Deno.env.get(RUNTIME_DIR)) {
  Deno.env.set(RUNTIME_DIR, Deno.makeTempDirSync());
}

const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--doc", ...Deno.args],
}).spawn().status;

try {
  using _device = await openDevice("webgpu");
} catch (error) {
  if (!(error instanceof DeviceError)) throw error;
  await Deno.stdout.write(new TextEncoder().encode(
    `WebGPU was not tested, only the processor: ${error.message}\n`,
  ));
}
Deno.exit(code);
