/**
 * Random bits by another route, to check the operation against: BigInt, one number at a time, written from the
 * description of Threefry (Salmon et al. 2011) and of JAX's counters, with nothing taken from the code under test.
 */

const mask32 = 0xffff_ffffn;

export type Block = readonly [bigint, bigint];
export type Key = readonly [bigint, bigint];

/** Threefry-2x32-20: rotations by round number, a key injection after every fourth round. */
export function threefry([k0, k1]: Key, [c0, c1]: Block): Block {
  const rotationOfRound = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  const keyWords = [k0, k1, k0 ^ k1 ^ 0x1bd1_1bdan];
  let x0 = (c0 + k0) & mask32;
  let x1 = (c1 + k1) & mask32;
  for (let round = 0; round < 20; round++) {
    const rotation = rotationOfRound[round % 8]!;
    x0 = (x0 + x1) & mask32;
    x1 = ((x1 << rotation) & mask32) | (x1 >> (32n - rotation));
    x1 ^= x0;
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    x0 = (x0 + keyWords[injection % 3]!) & mask32;
    x1 = (x1 + keyWords[(injection + 1) % 3]! + BigInt(injection)) & mask32;
  }
  return [x0, x1];
}

/** The key of a seed: its 64 bits in two's complement. */
export const keyOf = (seed: bigint): Key => [(seed >> 32n) & mask32, seed & mask32];

const counter = (i: number): Block => [BigInt(i) >> 32n, BigInt(i) & mask32];

/** The first `count` words of random bits under a key. */
export const bitsOf = (key: Key, count: number): number[] =>
  Array.from({ length: count }, (_, i) => {
    const [first, second] = threefry(key, counter(i));
    return Number(first ^ second);
  });

/** The first `count` numbers of 64 random bits. */
export const bits64Of = (key: Key, count: number): bigint[] =>
  Array.from({ length: count }, (_, i) => {
    const [first, second] = threefry(key, counter(i));
    return (first << 32n) | second;
  });

/** The first `count` keys split off a key. */
export const splitOf = (key: Key, count: number): Key[] =>
  Array.from({ length: count }, (_, i) => threefry(key, counter(i)));

export const foldInOf = (key: Key, data: number): Key => threefry(key, [0n, BigInt(data)]);

/** `bits mod span` of two words, in the 32-bit arithmetic that JAX uses for 32-bit integers. */
export function randintOf(key: Key, count: number, minval: bigint, maxval: bigint): number[] {
  const [first, second] = splitOf(key, 2) as [Key, Key];
  const span = maxval - minval;
  const half = 65_536n % span;
  const multiplier = ((half * half) & mask32) % span;
  const lower = bitsOf(second, count).map(BigInt);
  return bitsOf(first, count).map((higher, i) => {
    const offset = ((((BigInt(higher) % span) * multiplier) & mask32) + (lower[i]! % span)) & mask32;
    return Number(minval + (offset % span));
  });
}

/** The order of 0 to n - 1 that repeated stable sorts by random words give. */
export function permutationOf(key: Key, n: number): number[] {
  let order = Array.from({ length: n }, (_, i) => i);
  let current = key;
  const rounds = Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(4_294_967_295));
  for (let round = 0; round < rounds; round++) {
    const [next, subkey] = splitOf(current, 2) as [Key, Key];
    const words = bitsOf(subkey, n);
    order = order
      .map((element, i) => ({ element, word: words[i]! }))
      .sort((a, b) => a.word - b.word)
      .map(({ element }) => element);
    current = next;
  }
  return order;
}
