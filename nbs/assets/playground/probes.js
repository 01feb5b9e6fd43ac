// @ts-check
// What two of the elements show: an untrained memory through its waiting, and a wish on its way back.
import {addProduct, tanhAll} from "./products.js";
import {readable} from "./read.js";
import {logitsOf, makeNetwork, setDrive, softmax, statesOf} from "./rnn.js";
import {propagateGradients, propagateTargets} from "./rules.js";
import {BLANK, GO, LENGTH, N_SYMBOLS, Random, VOCAB, sample} from "./task.js";

/** @import {Network} from "./rnn.js" */
/** @typedef {{delay: number, length: number, spread: number, slope: number, readable: number}} Wait */

export const DELAYS = [1, 2, 3, 5, 8, 12, 15, 20, 30, 45, 60, 90, 120, 200, 300, 500, 700, 1000];

/** States (n, hidden) after one more token for each sequence.
 * @param {Network} net @param {Float32Array} h @param {Uint8Array} tokens */
function advance(net, h, tokens) {
  const out = new Float32Array(h.length), n = tokens.length;
  setDrive(out, 0, net.W_xh, net.b_h, tokens, 0, n);
  addProduct(out, 0, h, 0, net.W_hh, n, net.hidden, net.hidden);
  tanhAll(out, 0, out.length);
  return out;
}

/** Length of the mean state, root mean square distance from it, mean slope of tanh.
 * @param {Float32Array} h (n, hidden) @param {number} n */
function describe(h, n) {
  const hidden = h.length / n;
  let common = 0, squares = 0;
  for (let j = 0; j < hidden; j++) {
    let sum = 0;
    for (let b = 0; b < n; b++) { const v = h[b * hidden + j]; sum += v; squares += v * v; }
    common += (sum / n) ** 2;
  }
  return {length: Math.sqrt(common), slope: 1 - squares / h.length,
    spread: Math.sqrt(Math.max(0, squares / n - common))};
}

/** The recall from a state in the waiting: states (10, n, hidden) of the ten steps after the signal,
 * with noise on them. @param {Network} net @param {Float32Array} h @param {number} n
 * @param {number} noise @param {Random} random */
function recallStates(net, h, n, noise, random) {
  const out = new Float32Array(LENGTH * h.length), blanks = new Uint8Array(n).fill(BLANK);
  let state = advance(net, h, new Uint8Array(n).fill(GO));
  for (let i = 0; i < LENGTH; i++) out.set(state = advance(net, state, blanks), i * h.length);
  if (noise) for (let i = 0; i < out.length; i++) out[i] += noise * random.normal();
  return out;
}

/** An untrained network through its waiting: what is found at each of `DELAYS`, as it is found, and
 * null in between, so that whoever asks may stop.
 * @param {{seed: number, drive: number, noise: number, units?: number, n?: number, fit?: number,
 *   longest?: number}} options
 * @returns {Generator<Wait | null>} */
export function* waiting({seed, drive, noise, units = 128, n = 120, fit = 80, longest = 1000}) {
  const net = makeNetwork(units, new Random(seed), drive), random = new Random(seed + 1_000_003);
  const symbols = Uint8Array.from({length: LENGTH * n}, () => random.below(N_SYMBOLS));  // (10, n)
  const blanks = new Uint8Array(n).fill(BLANK);
  let h = new Float32Array(n * units);
  for (let i = 0; i < LENGTH; i++) h = advance(net, h, symbols.subarray(i * n, (i + 1) * n));
  for (let delay = 1; delay <= longest; delay++) {
    if (DELAYS.includes(delay)) {
      const states = recallStates(net, h, n, noise, random);
      yield {delay, ...describe(h, n), readable: readable(states, symbols, n, units, fit)};
    } else if (delay % 8 === 0) yield null;
    h = advance(net, h, blanks);
  }
}

/** @typedef {{size: number[], effect: number[]}} Path */

/** A recalled symbol's own wish on its way back: at each step its median size (1 where it is due), and
 * what happens to that symbol's mean loss when that step's state moves by it and the rest follows.
 * `matched` is backpropagation's direction with the length of target propagation's displacement.
 * @param {Network} net @param {import("./rules.js").Inverse} inverse
 * @param {{position: number, delay: number, stepSize: number, n?: number, seed?: number}} options
 * @returns {{due: number, steps: number, bp: Path, tp: Path, matched: Path}} */
export function journey(net, inverse, {position, delay, stepSize, n = 32, seed = 11}) {
  const batch = sample(n, delay, new Random(seed)), states = statesOf(net, batch);
  const due = delay + LENGTH + position, size = n * net.hidden, {steps} = batch;
  const local = new Float32Array(steps * size);
  local.set(ownWish(net, batch, states, due, stepSize), due * size);
  const bp = propagateGradients(net, states, local, n);
  const tp = propagateTargets(net, inverse, batch, states, local);
  const matched = asLongAs(bp, tp, net.hidden);
  const before = meanLoss(net, states.subarray((due + 1) * size, (due + 2) * size), batch, due);
  const [a, b, c] = [bp, tp, matched].map(wish => ({size: sizes(wish, size, net.hidden, due),
    effect: Array.from({length: steps}, (_, t) => t > due ? NaN
      : moved(net, batch, states, wish, t, due) - before)}));
  return {due, steps, bp: a, tp: b, matched: c};
}

/** Minus stepSize times the gradient of each sequence's loss at one step, at its state.
 * @param {Network} net @param {import("./task.js").Batch} batch @param {Float32Array} states
 * @param {number} due @param {number} stepSize */
function ownWish(net, batch, states, due, stepSize) {
  const {n, y} = batch, {hidden} = net, out = new Float32Array(n * hidden);
  const error = logitsOf(net, states, (due + 1) * n * hidden, n);
  softmax(error);
  for (let b = 0; b < n; b++) {
    error[b * VOCAB + y[due * n + b]] -= 1;
    for (let j = 0; j < hidden; j++) {
      for (let v = 0; v < VOCAB; v++) {
        out[b * hidden + j] -= stepSize * error[b * VOCAB + v] * net.W_hy[j * VOCAB + v];
      }
    }
  }
  return out;
}

/** `wish` with each state's part as long as that of `model`. @param {Float32Array} wish
 * @param {Float32Array} model @param {number} hidden */
function asLongAs(wish, model, hidden) {
  const out = wish.slice();
  for (let from = 0; from < out.length; from += hidden) {
    const own = norm(wish, from, hidden), scale = own ? norm(model, from, hidden) / own : 0;
    for (let j = from; j < from + hidden; j++) out[j] *= scale;
  }
  return out;
}

/** @param {Float32Array} a @param {number} from @param {number} length */
function norm(a, from, length) {
  let squares = 0;
  for (let j = from; j < from + length; j++) squares += a[j] * a[j];
  return Math.sqrt(squares);
}

/** Median over sequences of a wish's size at each step, 1 where it is due and NaN after.
 * @param {Float32Array} wish @param {number} size @param {number} hidden @param {number} due */
function sizes(wish, size, hidden, due) {
  return Array.from({length: wish.length / size}, (_, t) => {
    if (t > due) return NaN;
    const shares = [];
    for (let from = 0; from < size; from += hidden) {
      shares.push(norm(wish, t * size + from, hidden) / norm(wish, due * size + from, hidden));
    }
    shares.sort((a, b) => a - b);
    return shares[Math.floor((shares.length - 1) / 2)];
  });
}

/** The mean loss at step `due`, where the state of step t has moved by its wish.
 * @param {Network} net @param {import("./task.js").Batch} batch @param {Float32Array} states
 * @param {Float32Array} wish @param {number} t @param {number} due */
function moved(net, batch, states, wish, t, due) {
  const {n, x} = batch, size = n * net.hidden;
  let h = states.slice((t + 1) * size, (t + 2) * size);
  for (let i = 0; i < size; i++) h[i] += wish[t * size + i];
  for (let s = t + 1; s <= due; s++) h = advance(net, h, x.subarray(s * n, (s + 1) * n));
  return meanLoss(net, h, batch, due);
}

/** @param {Network} net @param {Float32Array} h @param {import("./task.js").Batch} batch
 * @param {number} due */
function meanLoss(net, h, {n, y}, due) {
  const p = logitsOf(net, h, 0, n);
  softmax(p);
  let loss = 0;
  for (let b = 0; b < n; b++) loss -= Math.log(Math.max(1e-30, p[b * VOCAB + y[due * n + b]])) / n;
  return loss;
}
