/**
 * Runs all tests with the arguments given, and says at the end what this
 * machine could not test.
 *
 * @module
 */
/** The driver of a software adapter complains when this is not set. */
const RUNTIME_DIR = "XDG_RUNTIME_DIR";

if (!Deno.env.get(RUNTIME_DIR)) {
  Deno.env.set(RUNTIME_DIR, Deno.makeTempDirSync());
}

const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--doc", ...Deno.args],
}).spawn().status;

// In a process of its own: drivers may fail when a process ends.
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["eval", "if (!await navigator.gpu.requestAdapter()) Deno.exit(1)"],
  stderr: "null",
}).output();
if (!success) {
  await Deno.stdout.write(new TextEncoder().encode(
    "WebGPU was not tested, only the processor: no adapter found; install a Vulkan driver (Debian: mesa-vulkan-drivers)\n",
  ));
}
Deno.exit(code);
