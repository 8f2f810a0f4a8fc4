import { assertEquals, assertThrows } from "@std/assert";
import { parseCommandFile } from "../../blt/mod.ts";

function parse(text: string): unknown {
  return parseCommandFile(new TextEncoder().encode(text));
}

Deno.test("parseCommandFile() reads what a run was started with", () => {
  assertEquals(parse("{}"), {});
  const command = { data: ["/a", "-"], device: "cpu", settings: ["--lr=1"] };
  assertEquals(parse(JSON.stringify(command)), command);
});

Deno.test("parseCommandFile() names what is wrong", () => {
  const cases: [string, string][] = [
    ["", " is not whole JSON"],
    ["[]", ": it must be an object, got []"],
    ['{"data":"/path"}', ": data must be a list of at most 65536, got "],
    ['{"data":[1]}', ": data[0] must be a text of at most 32768 characters, "],
    ['{"device":"gpu"}', ': device must be "auto" or "webgpu" or "cpu", got '],
    ['{"out":"/path"}', ": it must be an object of data, device, settings"],
  ];
  for (const [text, message] of cases) {
    assertThrows(
      () => parse(text),
      SyntaxError,
      `Cannot open the run: command.json${message}`,
    );
  }
});
