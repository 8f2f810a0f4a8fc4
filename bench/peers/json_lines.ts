/** Starts a line that is meant for us; libraries print others. */
const MARK = "@@";

/** JSON values in both directions between two processes. */
export class JsonLines {
  readonly #lines: AsyncIterator<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  /** Reads from `source` and writes to `sink`. */
  constructor(
    source: ReadableStream<Uint8Array>,
    sink: WritableStream<Uint8Array>,
  ) {
    this.#lines = linesOf(source);
    this.#writer = sink.getWriter();
  }

  /** Writes a value. */
  async send(value: unknown): Promise<void> {
    const line = `\n${MARK}${JSON.stringify(value)}\n`;
    await this.#writer.write(new TextEncoder().encode(line));
  }

  /** Next value; rejects when the other side has ended. */
  async receive(): Promise<unknown> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error("the process ended");
      if (value.startsWith(MARK)) return JSON.parse(value.slice(MARK.length));
    }
  }
}

async function* linesOf(
  source: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
