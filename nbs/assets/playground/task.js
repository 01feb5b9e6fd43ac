// @ts-check
// The copy-memory task: ten symbols, a wait, the recall signal, and the ten symbols again.

export const N_SYMBOLS = 8;  // data symbols 0..7
export const BLANK = 8;
export const GO = 9;         // the recall signal
export const VOCAB = 10;
export const LENGTH = 10;    // symbols in a sequence

/** A batch of sequences, time first: token `x[t * n + b]` is heard by sequence b at step t.
 * @typedef {{n: number, steps: number, delay: number, x: Uint8Array, y: Uint8Array}} Batch */

/** Random numbers from a seed, the same on every machine (sfc32; normal ones by Box and Muller). */
export class Random {
  /** @param {number} seed a whole number, 0 to 2^32 - 1 */
  constructor(seed) {
    let s = seed >>> 0;
    const mix = () => {  // splitmix32
      s = (s + 0x9e3779b9) | 0;
      let z = s ^ (s >>> 16);
      z = Math.imul(z, 0x21f0aaad); z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97); return (z ^ (z >>> 15)) | 0;
    };
    this.a = mix(); this.b = mix(); this.c = mix(); this.d = 1;
    this.spare = NaN;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 random bits, as a whole number from 0. */
  bits() {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform() { return this.bits() / 4294967296; }

  /** A whole number in 0..n-1. @param {number} n */
  below(n) { return Math.floor(this.uniform() * n); }

  /** Standard normal. */
  normal() {
    if (!Number.isNaN(this.spare)) { const z = this.spare; this.spare = NaN; return z; }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** The sequences of these symbols. @param {ArrayLike<number>} symbols ten for each of n sequences
 * @param {number} delay steps from the last symbol to the recall signal, at least 1
 * @returns {Batch} */
export function encode(symbols, delay) {
  const n = symbols.length / LENGTH, steps = delay + 2 * LENGTH;
  const x = new Uint8Array(steps * n).fill(BLANK), y = new Uint8Array(steps * n).fill(BLANK);
  for (let b = 0; b < n; b++) {
    for (let i = 0; i < LENGTH; i++) {
      x[i * n + b] = symbols[b * LENGTH + i];
      y[(delay + LENGTH + i) * n + b] = symbols[b * LENGTH + i];
    }
    x[(delay + LENGTH - 1) * n + b] = GO;
  }
  return {n, steps, delay, x, y};
}

/** n random sequences. @param {number} n @param {number} delay @param {Random} random */
export function sample(n, delay, random) {
  const symbols = new Uint8Array(n * LENGTH);
  for (let i = 0; i < symbols.length; i++) symbols[i] = random.below(N_SYMBOLS);
  return encode(symbols, delay);
}
