/** Types of values in WebAssembly code; `v128` holds four lanes of 32 bits. */
export type ValueType = "i32" | "f32" | "v128";

/**
 * Code that leaves one value. It is text, not a value: an expression used twice
 * is computed twice, so hold what is needed again in a local.
 */
export interface Expression<T extends ValueType> {
  /** Type of the value. */
  readonly type: T;
  /** Instructions in binary form. */
  readonly code: readonly number[];
}

/** A whole number, an address or a truth value. */
export type I32 = Expression<"i32">;
/** A single-precision number. */
export type F32 = Expression<"f32">;
/** Four lanes; the operation decides whether they are f32 or i32. */
export type V128 = Expression<"v128">;
/** A whole number; a plain one stands for a constant. */
export type I32Like = I32 | number;
/** A single-precision number; a plain one stands for a constant. */
export type F32Like = F32 | number;

type I32Binary = "add" | "sub" | "mul" | "divU" | "remU" | "and" | "or" | "xor";
type I32Shift = "shl" | "shrS" | "shrU";
type I32Compare = "eq" | "ne" | "ltU" | "gtU" | "leU" | "geU" | "ltS";
type F32Binary = "add" | "sub" | "mul" | "div" | "min" | "max";
type F32Compare = "eq" | "ne" | "lt" | "gt" | "le" | "ge";
type F32Unary = "abs" | "neg" | "sqrt" | "floor" | "ceil" | "nearest";
type LaneLogic = "and" | "or" | "xor" | "andnot";
type LaneShift = (a: V128, by: I32Like) => V128;

/** Least bytes that hold an unsigned number (LEB128). */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push(rest % 128 + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

/** Least bytes that hold a signed 32-bit number (LEB128). */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -64 || rest > 63) {
    bytes.push(rest & 127 | 128);
    rest >>= 7;
  }
  return [...bytes, rest & 127];
}

/** The four bytes of a single-precision number. */
function bytesOf(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

function whole(value: I32Like): I32 {
  return typeof value === "number" ? i32.const(value) : value;
}

function real(value: F32Like): F32 {
  return typeof value === "number" ? f32.const(value) : value;
}

/** `instruction` applied to `operands`, evaluated from left to right. */
function apply<T extends ValueType>(
  type: T,
  instruction: readonly number[],
  ...operands: readonly Expression<ValueType>[]
): Expression<T> {
  const code = operands.flatMap((operand) => operand.code);
  return { type, code: [...code, ...instruction] };
}

/** Instruction of the vector group. */
function vector(opcode: number, ...immediates: readonly number[]): number[] {
  return [0xfd, ...unsigned(opcode), ...immediates];
}

/** Reads `type` at `address` + `offset` bytes. */
type Load<T extends ValueType> = (
  address: I32Like,
  offset?: number,
) => Expression<T>;

// Alignment is a hint; 2 (four bytes) holds for everything that is read.
function load<T extends ValueType>(
  type: T,
  instruction: readonly number[],
): Load<T> {
  return (address, offset = 0) =>
    apply(type, [...instruction, 2, ...unsigned(offset)], whole(address));
}

/** Instructions that write a value of each type. */
export const STORE: Readonly<Record<ValueType, readonly number[]>> = {
  i32: [0x36],
  f32: [0x38],
  v128: vector(11),
};

const wholes = (opcode: number) => (a: I32Like, b: I32Like): I32 =>
  apply("i32", [opcode], whole(a), whole(b));

/** Whole numbers modulo 2^32, named as in WebAssembly's text format. */
export const i32:
  & Readonly<
    Record<
      I32Binary | I32Shift | I32Compare,
      (a: I32Like, b: I32Like) => I32
    >
  >
  & {
    readonly const: (value: number) => I32;
    readonly load: Load<"i32">;
    /** The bits of a single-precision number. */
    readonly reinterpret: (a: F32) => I32;
    /** `a` where `condition` is not 0, otherwise `b`; computes both. */
    readonly select: (a: I32Like, b: I32Like, condition: I32) => I32;
  } = {
    const: (value) => ({ type: "i32", code: [0x41, ...signed(value)] }),
    load: load("i32", [0x28]),
    reinterpret: (a) => apply("i32", [0xbc], a),
    select: (a, b, condition) =>
      apply("i32", [0x1b], whole(a), whole(b), condition),
    eq: wholes(0x46),
    ne: wholes(0x47),
    ltS: wholes(0x48),
    ltU: wholes(0x49),
    gtU: wholes(0x4b),
    leU: wholes(0x4d),
    geU: wholes(0x4f),
    add: wholes(0x6a),
    sub: wholes(0x6b),
    mul: wholes(0x6c),
    divU: wholes(0x6e),
    remU: wholes(0x70),
    and: wholes(0x71),
    or: wholes(0x72),
    xor: wholes(0x73),
    shl: wholes(0x74),
    shrS: wholes(0x75),
    shrU: wholes(0x76),
  };

const reals = (opcode: number) => (a: F32Like, b: F32Like): F32 =>
  apply("f32", [opcode], real(a), real(b));
const compareReals = (opcode: number) => (a: F32Like, b: F32Like): I32 =>
  apply("i32", [opcode], real(a), real(b));
const realOf = (opcode: number) => (a: F32): F32 => apply("f32", [opcode], a);

/** Single-precision numbers, named as in WebAssembly's text format. */
export const f32:
  & Readonly<Record<F32Binary, (a: F32Like, b: F32Like) => F32>>
  & Readonly<Record<F32Compare, (a: F32Like, b: F32Like) => I32>>
  & Readonly<Record<F32Unary, (a: F32) => F32>>
  & {
    readonly const: (value: number) => F32;
    readonly load: Load<"f32">;
    /** Nearest number to an unsigned whole one. */
    readonly convert: (a: I32) => F32;
    /** The number with these bits. */
    readonly reinterpret: (a: I32) => F32;
  } = {
    const: (value) => ({ type: "f32", code: [0x43, ...bytesOf(value)] }),
    load: load("f32", [0x2a]),
    convert: (a) => apply("f32", [0xb3], a),
    reinterpret: (a) => apply("f32", [0xbe], a),
    eq: compareReals(0x5b),
    ne: compareReals(0x5c),
    lt: compareReals(0x5d),
    gt: compareReals(0x5e),
    le: compareReals(0x5f),
    ge: compareReals(0x60),
    abs: realOf(0x8b),
    neg: realOf(0x8c),
    ceil: realOf(0x8d),
    floor: realOf(0x8e),
    nearest: realOf(0x90),
    sqrt: realOf(0x91),
    add: reals(0x92),
    sub: reals(0x93),
    mul: reals(0x94),
    div: reals(0x95),
    min: reals(0x96),
    max: reals(0x97),
  };

const lanes = (opcode: number) => (a: V128, b: V128): V128 =>
  apply("v128", vector(opcode), a, b);
const lanesOf = (opcode: number) => (a: V128): V128 =>
  apply("v128", vector(opcode), a);
const shift = (opcode: number): LaneShift => (a, by) =>
  apply("v128", vector(opcode), a, whole(by));

/** Four lanes as mere bits. */
export const v128:
  & Readonly<Record<LaneLogic, (a: V128, b: V128) => V128>>
  & {
    readonly load: Load<"v128">;
    /** One 32-bit number read into all lanes. */
    readonly loadSplat: Load<"v128">;
    /** Bits of `a` where `mask` has ones, of `b` where it has zeros. */
    readonly select: (a: V128, b: V128, mask: V128) => V128;
    /** Whether any bit is set. */
    readonly anyTrue: (a: V128) => I32;
    /** Four lanes out of eight: those of `a` are 0 to 3, those of `b` 4 to 7. */
    readonly shuffle: (
      a: V128,
      b: V128,
      order: readonly [number, number, number, number],
    ) => V128;
  } = {
    load: load("v128", vector(0)),
    loadSplat: load("v128", vector(9)),
    shuffle: (a, b, order) => {
      const bytes = order.flatMap((lane) =>
        [0, 1, 2, 3].map((i) => 4 * lane + i)
      );
      return apply("v128", vector(13, ...bytes), a, b);
    },
    and: lanes(78),
    andnot: lanes(79),
    or: lanes(80),
    xor: lanes(81),
    select: (a, b, mask) => apply("v128", vector(82), a, b, mask),
    anyTrue: (a) => apply("i32", vector(83), a),
  };

/** Four whole numbers, lane by lane; comparisons give all ones or zeros. */
export const i32x4:
  & Readonly<
    Record<"add" | "sub" | "mul" | "eq" | "ne", (a: V128, b: V128) => V128>
  >
  & Readonly<Record<I32Shift, LaneShift>>
  & {
    readonly splat: (a: I32Like) => V128;
    readonly extractLane: (a: V128, lane: number) => I32;
  } = {
    splat: (a) => apply("v128", vector(17), whole(a)),
    extractLane: (a, lane) => apply("i32", vector(27, lane), a),
    eq: lanes(55),
    ne: lanes(56),
    shl: shift(171),
    shrS: shift(172),
    shrU: shift(173),
    add: lanes(174),
    sub: lanes(177),
    mul: lanes(181),
  };

// A module with one function: madd of its three arguments.
const RELAXED = WebAssembly.validate(Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 8, 1, 0x60, 3, 0x7b, 0x7b, 0x7b, 1, 0x7b, 3, 2, 1, 0],
  ...[10, 13, 1, 11, 0, 0x20, 0, 0x20, 1, 0x20, 2, ...vector(0x105), 0x0b],
]));

/** Four single-precision numbers; comparisons give all ones or zeros. */
export const f32x4:
  & Readonly<Record<F32Binary | F32Compare, (a: V128, b: V128) => V128>>
  & Readonly<Record<F32Unary, (a: V128) => V128>>
  & {
    readonly splat: (a: F32Like) => V128;
    readonly extractLane: (a: V128, lane: number) => F32;
    /** Nearest numbers to signed whole ones. */
    readonly convert: (a: V128) => V128;
    /** b < a ? b : a, which gives a if either is NaN; faster than `min`. */
    readonly pmin: (a: V128, b: V128) => V128;
    /** a < b ? b : a, which gives a if either is NaN; faster than `max`. */
    readonly pmax: (a: V128, b: V128) => V128;
    /** a b + c, rounded once where the machine can. */
    readonly madd: (a: V128, b: V128, c: V128) => V128;
  } = {
    splat: (a) => apply("v128", vector(19), real(a)),
    extractLane: (a, lane) => apply("f32", vector(31, lane), a),
    eq: lanes(65),
    ne: lanes(66),
    lt: lanes(67),
    gt: lanes(68),
    le: lanes(69),
    ge: lanes(70),
    ceil: lanesOf(103),
    floor: lanesOf(104),
    nearest: lanesOf(106),
    abs: lanesOf(224),
    neg: lanesOf(225),
    sqrt: lanesOf(227),
    add: lanes(228),
    sub: lanes(229),
    mul: lanes(230),
    div: lanes(231),
    min: lanes(232),
    max: lanes(233),
    pmin: lanes(234),
    pmax: lanes(235),
    convert: lanesOf(250),
    madd: (a, b, c) =>
      RELAXED
        ? apply("v128", vector(0x105), a, b, c)
        : f32x4.add(f32x4.mul(a, b), c),
  };
