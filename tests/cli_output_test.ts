import { assertEquals, assertThrows } from "@std/assert";
import { type Output, print } from "../cli/output.ts";

/** An output that takes a few bytes at a time, and fails at its first calls. */
function slow(failures: Error[]): Output & { text: string } {
  return {
    text: "",
    writeSync(bytes: Uint8Array): number {
      const failure = failures.shift();
      if (failure) throw failure;
      const part = bytes.subarray(0, 3);
      this.text += new TextDecoder().decode(part);
      return part.length;
    },
  };
}

Deno.test("print() writes all, and waits for a reader that is behind", () => {
  const full = (): Error => new Deno.errors.WouldBlock("os error 11");
  const output = slow([full(), full()]);
  print("a club sandwich", output);
  assertEquals(output.text, "a club sandwich");
});

Deno.test("print() lets it be known that the reader has gone", () => {
  const gone = slow([new Deno.errors.BrokenPipe("os error 32")]);
  assertThrows(() => print("club", gone), Deno.errors.BrokenPipe);
});

Deno.test("print() says what went wrong with the output", () => {
  const full = slow([new Error("No space left on device (os error 28)")]);
  assertThrows(
    () => print("club", full),
    Error,
    "Cannot write the output: No space left on device (os error 28)",
  );
});
