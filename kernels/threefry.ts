/** Left rotations of eight successive rounds; the pattern then repeats. */
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Threefish's key parity constant, cut to 32 bits. */
const PARITY = 0x1bd11bda;

/**
 * Threefry-2x32 with 20 rounds: writes the two random words that belong to a
 * key and a counter into `out[0]` and `out[1]` (Salmon et al., 2011, "Parallel
 * random numbers: as easy as 1, 2, 3", section 4.3; JAX's default generator).
 *
 * Every argument is a 32-bit word. Equal arguments give equal words on every
 * machine; different counters give independent ones.
 */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  out: Uint32Array,
): void {
  let next = key1;
  let later = key0 ^ key1 ^ PARITY;
  let last = key0;
  let x0 = (counter0 + key0) | 0;
  let x1 = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round & 7]!;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    if ((round & 3) === 3) {
      x0 = (x0 + next) | 0;
      x1 = (x1 + later + ((round + 1) >> 2)) | 0;
      [next, later, last] = [later, last, next];
    }
  }
  out[0] = x0;
  out[1] = x1;
}

const WGSL_ROUNDS: string = Array.from({ length: 20 }, (_, round) => {
  const rotation = ROTATIONS[round & 7]!;
  const mix = `x.x += x.y;
  x.y = ((x.y << ${rotation}u) | (x.y >> ${32 - rotation}u)) ^ x.x;`;
  if ((round & 3) !== 3) return mix;
  const group = (round + 1) >> 2;
  return `${mix}
  x += vec2u(keys[${group % 3}], keys[${(group + 1) % 3}] + ${group}u);`;
}).join("\n  ");

/**
 * The same function in WGSL: `threefry2x32(key: vec2u, counter: vec2u) ->
 * vec2u`. Its rounds are unrolled, so that it costs its caller no loop turns.
 */
export const THREEFRY_WGSL: string =
  `fn threefry2x32(key: vec2u, counter: vec2u) -> vec2u {
  let keys = array<u32, 3>(key.x, key.y, key.x ^ key.y ^ ${PARITY}u);
  var x = counter + key;
  ${WGSL_ROUNDS}
  return x;
}`;
