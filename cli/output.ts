import { type FlagValues, printableJson, printableText } from "../blt/mod.ts";

/** An output for text. */
export type Output = Pick<typeof Deno.stdout, "writeSync">;

/** The output for what is no result. */
export function besides({ json }: FlagValues): Output {
  return json ? Deno.stderr : Deno.stdout;
}

/** Writes a result as it is. */
export function print(
  content: string | Uint8Array,
  output: Output = Deno.stdout,
): void {
  let rest = typeof content === "string" ? encode(content) : content;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(output.writeSync(rest));
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) sleep(WAIT_MS);
      else if (error instanceof Deno.errors.BrokenPipe) throw error;
      else throw new Error(`Cannot write the output: ${why(error)}`);
    }
  }
}

/** Waits for a reader that is behind, where the pipe does not. */
const WAIT_MS = 5;

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Standard output as long as somebody reads it, and nothing then. */
export function forgivingOutput(): Output {
  let open = true;
  return {
    writeSync(bytes: Uint8Array): number {
      if (open) {
        try {
          return Deno.stdout.writeSync(bytes);
        } catch (error) {
          if (error instanceof Deno.errors.WouldBlock) throw error;
          open = false;
        }
      }
      return bytes.length;
    },
  };
}

/** Writes a message, whose names and values may be anybody's, as a line. */
export function say(message: string, output: Output = Deno.stdout): void {
  print(`${printableText(message)}\n`, output);
}

/** JSON in which nothing commands a terminal. */
export function jsonText(value: unknown): string {
  return printableJson(JSON.stringify(value));
}

export function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The message of an error on one line, without the path that Deno adds. */
export function why(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/: \w+ '.*'$/s, "").replaceAll("\n", " ");
}

/** A path as a shell takes it for one word. */
export function quoted(path: string): string {
  if (/^[\w@%+=:,./-]+$/.test(path)) return path;
  return `'${path.replaceAll("'", "'\\''")}'`;
}
