import { assertEquals, assertThrows } from "@std/assert";
import {
  checked,
  choice,
  type Field,
  flag,
  list,
  number,
  object,
  optional,
  readJson,
  record,
  shown,
  standing,
  text,
  union,
  whole,
} from "../../blt/fields.ts";

function refuses(
  field: Field<unknown>,
  value: unknown,
  message: string,
): void {
  assertThrows(() => field.read(value, "a.b"), SyntaxError, message);
}

Deno.test("fields take values of their type alone", () => {
  const samples: [Field<unknown>, unknown[], string][] = [
    [choice(["x", 1]), ["x", 1], 'a.b must be "x" or 1, got '],
    [text(3), ["", "abc"], "a.b must be a text of at most 3 characters, got "],
    [flag, [true, false], "a.b must be true or false, got "],
    [whole(1, 9), [1, 9], "a.b must be a whole number from 1 to 9, got "],
    [number(0, 1), [0, 0.5, 1], "a.b must be a number from 0 to 1, got "],
    [number(0), [0, 1e300], "a.b must be a number >= 0, got "],
    [number(), [-1e300], "a.b must be a number, got "],
    [list(flag, 2), [[], [true, false]], "a.b must be a list of at most 2, "],
    [record(flag), [{}, { c: true }], "a.b must be an object, got "],
    [object({ c: flag }), [{ c: true }], "a.b must be an object"],
  ];
  const strange = [
    ...[undefined, null, "abcd", -1.5, NaN, Infinity, [1, 2, 3], () => 1],
  ];
  for (const [field, good, message] of samples) {
    for (const value of good) assertEquals(field.read(value, ""), value);
    for (const value of strange) {
      if (message.includes("a number, got") && value === -1.5) continue;
      refuses(field, value, message);
    }
  }
  refuses(whole(0, 9), 0.5, "got 0.5");
  refuses(list(flag, 9), [true, 1], "a.b[1] must be true or false, got 1");
  refuses(record(flag), { c: 1 }, "a.b.c must be true or false, got 1");
  refuses(choice(["constructor"]), "toString", 'got "toString"');
});

Deno.test("object() has all of its fields, and no others", () => {
  const field = object<{ a: number; b?: string; c: boolean }>({
    a: whole(0, 9),
    b: optional(text(9)),
    c: standing(true, flag),
  });
  assertEquals(field.read({ a: 1 }, ""), { a: 1, c: true });
  assertEquals(field.read({ c: false, b: "x", a: 1 }, ""), {
    a: 1,
    b: "x",
    c: false,
  });
  const read = field.read({ c: false, b: "x", a: 1 }, "");
  assertEquals(JSON.stringify(read), '{"c":false,"b":"x","a":1}');
  refuses(field, {}, "a.b.a must be a whole number from 0 to 9, got nothing");
  refuses(field, { a: 1, b: null }, "a.b.b must be a text of at most 9 char");
  refuses(
    field,
    { a: 1, d: 2 },
    'a.b must be an object of a, b, c alone, got {"d":2}',
  );
  const own = JSON.parse('{"a":1,"__proto__":{"c":false}}');
  refuses(field, own, 'alone, got {"__proto__":{"c":false}}');
  refuses(object({ length: flag }), [], "a.b must be an object, got []");
});

Deno.test("union() reads what the kind says", () => {
  type Shape =
    | { readonly kind: "circle"; readonly radius: number }
    | { readonly kind: "point" };
  const field = union<Shape>({
    circle: object({ kind: choice(["circle"]), radius: number(0) }),
    point: object({ kind: choice(["point"]) }),
  });
  for (const shape of [{ kind: "circle", radius: 2 }, { kind: "point" }]) {
    assertEquals<unknown>(field.read(shape, ""), shape);
  }
  refuses(field, { kind: "circle" }, "a.b.radius must be a number >= 0");
  refuses(field, { kind: "point", radius: 2 }, 'got {"radius":2}');
  refuses(field, { kind: "box" }, 'a.b.kind must be "circle" or "point", got ');
  refuses(field, {}, "a.b.kind must be ");
  refuses(field, "circle", "a.b must be an object");
});

Deno.test("checked() tells where something does not fit", () => {
  const field = checked(whole(0, 9), (value) => {
    if (value === 7) throw new RangeError("Cannot take 7");
    if (value === 8) throw new TypeError("a fault");
  });
  assertEquals(field.read(1, ""), 1);
  refuses(field, 7, "a.b: Cannot take 7");
  assertThrows(() => field.read(7, ""), SyntaxError, "Cannot take 7");
  assertThrows(() => field.read(8, ""), TypeError, "a fault");
});

Deno.test("readJson() names the file", () => {
  const field = object({ a: flag });
  const readText = (text: string): unknown =>
    readJson("f.json", new TextEncoder().encode(text), { field, most: 20 });
  assertEquals(readText('{"a":true}'), { a: true });
  const cases: [string, string][] = [
    ["", "Cannot open the run: f.json is not whole JSON"],
    ['{"a":', "Cannot open the run: f.json is not whole JSON"],
    ["[]", "Cannot open the run: f.json: it must be an object, got []"],
    ['{"a":1}', "Cannot open the run: f.json: a must be true or false, got 1"],
    [" ".repeat(21), "f.json must have at most 20 bytes, got 21"],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => readText(text), SyntaxError, message);
  }
});

Deno.test("shown() is short", () => {
  assertEquals(shown({ a: [1] }), '{"a":[1]}');
  assertEquals(shown(undefined), "undefined");
  assertEquals(shown("x".repeat(1e6)).length, 63);
});
