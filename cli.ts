/**
 * The command line: `deno task train`, or `deno run cli.ts train`, which also
 * works from a URL.
 *
 * @module
 */
import { main } from "./cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
