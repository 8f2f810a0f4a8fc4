import {
  type Expression,
  f32x4,
  type I32,
  i32,
  type I32Like,
  STORE,
  unsigned,
  type ValueType,
} from "./instructions.ts";

/** A variable: an expression that reads it, and what `set` writes. */
export interface Local<T extends ValueType> extends Expression<T> {
  /** Number among the function's parameters and locals. */
  readonly index: number;
}

/** Whole numbers that a loop runs through. */
export interface Range {
  /** First number. */
  readonly from: I32Like;
  /** End, not included; both ends count as unsigned. */
  readonly to: I32Like;
  /** Distance between numbers; default 1. */
  readonly step?: I32Like;
}

interface Constant {
  readonly value: number;
  readonly variable: Local<"v128">;
}

const TYPE_CODES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
const [BLOCK, LOOP, IF, ELSE, END] = [0x02, 0x03, 0x04, 0x05, 0x0b];
const [BRANCH, BRANCH_IF, LOCAL_GET, LOCAL_SET] = [0x0c, 0x0d, 0x20, 0x21];
const [EMPTY, EQZ] = [0x40, 0x45];

/** Writes the statements of one function, in order. */
export class FunctionBuilder {
  readonly #parameters: ValueType[] = [];
  readonly #locals: ValueType[] = [];
  readonly #constants: Constant[] = [];
  readonly #code: number[] = [];

  /** Next parameter. Throws a `RangeError` when a local exists already. */
  parameter<T extends ValueType>(type: T): Local<T> {
    if (this.#locals.length > 0) {
      throw new RangeError("Cannot add a parameter: locals come after them");
    }
    return local(type, this.#parameters.push(type) - 1);
  }

  /** New local that holds the value of an expression. */
  let<T extends ValueType>(value: Expression<T>): Local<T> {
    const variable = this.#local(value.type);
    this.set(variable, value);
    return variable;
  }

  /**
   * The f32 `value` in all lanes, made once when the function is entered:
   * V8 would make a constant anew in each turn of a loop.
   */
  constant(value: number): Expression<"v128"> {
    const same = (constant: Constant): boolean =>
      Object.is(constant.value, value);
    const known = this.#constants.find(same);
    if (known) return known.variable;
    const variable = this.#local("v128");
    this.#constants.push({ value, variable });
    return variable;
  }

  /** Replaces the value of a local. */
  set<T extends ValueType>(variable: Local<T>, value: Expression<T>): void {
    this.#code.push(...value.code, LOCAL_SET, ...unsigned(variable.index));
  }

  /** Writes a value at `address` + `offset` bytes. */
  store(address: I32, value: Expression<ValueType>, offset = 0): void {
    const instruction = [...STORE[value.type], 2, ...unsigned(offset)];
    this.#code.push(...address.code, ...value.code, ...instruction);
  }

  /** Writes the first `count` lanes; more than four count as four. */
  storeLanes(address: Local<"i32">, value: Local<"v128">, count: I32): void {
    this.if(i32.geU(count, 4), () => this.store(address, value), () => {
      for (let lane = 0; lane < 3; lane++) {
        this.if(i32.gtU(count, lane), () => {
          this.store(address, f32x4.extractLane(value, lane), 4 * lane);
        });
      }
    });
  }

  /** Runs `then` where `condition` is not 0, else `otherwise`. */
  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#code.push(...condition.code, IF, EMPTY);
    then();
    if (otherwise) {
      this.#code.push(ELSE);
      otherwise();
    }
    this.#code.push(END);
  }

  /** Repeats `body` as long as `condition` is not 0, tested before each turn. */
  while(condition: I32, body: () => void): void {
    this.#code.push(BLOCK, EMPTY, LOOP, EMPTY);
    this.#code.push(...condition.code, EQZ, BRANCH_IF, 1);
    body();
    this.#code.push(BRANCH, 0, END, END);
  }

  /** Runs `body` for every number of a range. */
  for({ from, to, step = 1 }: Range, body: (i: Local<"i32">) => void): void {
    const i = this.let(typeof from === "number" ? i32.const(from) : from);
    const more = i32.ltU(i, to);
    this.#code.push(...more.code, IF, EMPTY, LOOP, EMPTY);
    body(i);
    this.set(i, i32.add(i, step));
    this.#code.push(...more.code, BRANCH_IF, 0, END, END);
  }

  /**
   * Binary module with this function as export `run` and a memory of at least
   * 64 KiB imported as `env.memory`.
   */
  module({ shared }: { readonly shared: boolean }): Uint8Array<ArrayBuffer> {
    const types = this.#parameters.map((type) => TYPE_CODES[type]);
    const locals = this.#locals.map((type) => [1, TYPE_CODES[type]]);
    const constants = this.#constants.flatMap(({ value, variable }) => [
      ...f32x4.splat(value).code,
      LOCAL_SET,
      ...unsigned(variable.index),
    ]);
    const body = [...list(locals), ...constants, ...this.#code, END];
    // Engines that check each access do it once, not twice, where its offset
    // lies in the least memory: 1 page.
    const limits = shared ? [3, 1, ...unsigned(65536)] : [0, 1];
    return Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, list([[0x60, ...unsigned(types.length), ...types, 0]])),
      ...section(2, list([[...text("env"), ...text("memory"), 2, ...limits]])),
      ...section(3, list([[0]])),
      ...section(7, list([[...text("run"), 0, 0]])),
      ...section(10, list([[...unsigned(body.length), ...body]])),
    ]);
  }

  #local<T extends ValueType>(type: T): Local<T> {
    return local(type, this.#parameters.length + this.#locals.push(type) - 1);
  }
}

function local<T extends ValueType>(type: T, index: number): Local<T> {
  return { type, index, code: [LOCAL_GET, ...unsigned(index)] };
}

function list(entries: readonly (readonly number[])[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function text(name: string): number[] {
  return [name.length, ...new TextEncoder().encode(name)];
}
