const SHOWN_LINES = 60;

/** `actual` against `expected`, one element a line, equal ends cut to three. */
export function diff(actual: unknown, expected: unknown): string {
  const a = show(actual).split("\n");
  const b = show(expected).split("\n");
  const shortest = Math.min(a.length, b.length);
  let head = 0;
  while (head < shortest && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < shortest - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;

  const from = Math.max(0, head - 3);
  return [
    "    [Diff] Actual / Expected",
    ...(from > 0 ? [`    ... ${from} equal lines`] : []),
    ...a.slice(from, head).map((line) => `    ${line}`),
    ...limited(a.slice(head, a.length - tail).map((line) => `-   ${line}`)),
    ...limited(b.slice(head, b.length - tail).map((line) => `+   ${line}`)),
    ...a.slice(a.length - tail).slice(0, 3).map((line) => `    ${line}`),
    ...(tail > 3 ? [`    ... ${tail - 3} equal lines`] : []),
  ].join("\n");
}

/** A value as text, whole, and alike for alike values. */
export function show(value: unknown): string {
  return Deno.inspect(value, {
    compact: false,
    depth: Infinity,
    iterableLimit: Infinity,
    sorted: true,
    strAbbreviateSize: Infinity,
    trailingComma: true,
  });
}

function limited(lines: string[]): string[] {
  const rest = lines.length - SHOWN_LINES;
  return rest > 0
    ? [...lines.slice(0, SHOWN_LINES), `    ... ${rest} more`]
    : lines;
}
