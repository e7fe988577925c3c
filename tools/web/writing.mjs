/**
 * Writes text with a language model, byte by byte, by the rules and the random numbers of Python.
 *
 * With p the probabilities of the next byte, T the temperature and u a random number:
 *
 *     w_i = (p_i / max p)^(1 / T), 0 unless i is among the topK largest p
 *     the first i with u (w_0 + w_1 + ...) < w_0 + ... + w_i
 *
 * At temperature 0 it is the most probable byte.
 */

import { SeqrtError } from "./seqrt.mjs";

const MASK = (1n << 128n) - 1n;
const STEP = 0x2360ed051fc65da44385df649fccf645n; // the multiplier of PCG64
const START = "\n"; // an empty prompt is read as this

/** The random numbers of `numpy.random.Generator(PCG64(seed))`. */
export class Random {
  /** @param {number | bigint} seed a whole number from 0 */
  constructor(seed) {
    const [high, low, seedHigh, seedLow] = seedWords(BigInt(seed));
    this.add = (((seedHigh << 64n) | seedLow) << 1n | 1n) & MASK;
    this.state = (this.add + ((high << 64n) | low)) & MASK;
    this.advance();
  }

  /** Returns the next number from 0 to 1, as `random()` does. */
  next() {
    this.advance();
    const folded = (this.state >> 64n) ^ (this.state & 0xffffffffffffffffn);
    const turned = (folded >> (this.state >> 122n)) | (folded << (64n - (this.state >> 122n)));
    return Number(BigInt.asUintN(64, turned) >> 11n) / 2 ** 53;
  }

  advance() {
    this.state = (this.state * STEP + this.add) & MASK;
  }
}

/**
 * Spreads a seed over four words of 64 bits, as numpy's SeedSequence does.
 *
 * It hashes the 32-bit words of the seed into a pool of four, mixes each into the others, and hashes the pool again.
 */
function seedWords(seed) {
  const words = [];
  for (let rest = seed; rest || !words.length; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
  let factor = 0x43b0d7e5;
  const hash = (word) => {
    const mixed = word ^ factor;
    factor = Math.imul(factor, 0x931e8875);
    return fold(Math.imul(mixed, factor));
  };
  const mix = (a, b) => fold(Math.imul(0xca01f9dd, a) - Math.imul(0x4973f715, b));
  const pool = [0, 1, 2, 3].map((i) => hash(words[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  for (const word of words.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(word));
  factor = 0x8b51f9dd;
  const made = Array.from({ length: 8 }, (_, i) => {
    const mixed = pool[i % 4] ^ factor;
    factor = Math.imul(factor, 0x58f38ded);
    return BigInt(fold(Math.imul(mixed, factor)));
  });
  return [0, 2, 4, 6].map((i) => made[i] | (made[i + 1] << 32n));
}

function fold(word) {
  return ((word >>> 0) ^ (word >>> 16)) >>> 0;
}

/**
 * Returns the number of a class, drawn by the probabilities p.
 *
 * @param {ArrayLike<number>} p
 * @param {Random} random
 */
export function draw(p, random, { temperature = 1, topK = p.length } = {}) {
  const order = Array.from(p, (_, i) => i).sort((a, b) => p[b] - p[a] || a - b);
  if (!(p[order[0]] > 0)) throw new SeqrtError("E_MODEL_RUN: the model returned no probabilities, but NaN.");
  if (!temperature) return order[0];
  const kept = order.slice(0, topK).sort((a, b) => a - b);
  let sum = 0;
  const sums = kept.map((i) => (sum += (p[i] / p[order[0]]) ** (1 / temperature)));
  const drawn = random.next() * sum;
  return kept[sums.findIndex((each) => drawn < each)];
}

/**
 * Yields `n` bytes of text that continue a prompt, in pieces of whole characters; see `Model.generate`.
 *
 * @param {import("./seqrt.mjs").Model} model
 * @param {string | Uint8Array} prompt
 */
export async function* write(model, prompt, n, { temperature, topK, seed = drawn() }) {
  const stream = await model.stream();
  const random = new Random(seed);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let p = (await stream.push(prompt.length ? prompt : START)).at(-1);
  for (let left = n; left; left--) {
    const byte = draw(p, random, { temperature, topK });
    [p] = await stream.push([byte + 1]);
    const piece = decoder.decode(Uint8Array.of(byte), { stream: left > 1 });
    if (piece) yield piece;
  }
}

function drawn() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
