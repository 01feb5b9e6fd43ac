// @ts-check
// The tanh RNN: h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h), logits_t = h_t W_hy + b_y, h_0 = 0.
import {BLANK, LENGTH, VOCAB} from "./task.js";
import {addOuter, addProduct, tanhAll, transpose} from "./products.js";

/** @import {Batch} from "./task.js" */
/** @import {Random} from "./task.js" */
/** Rows are contiguous: `W_hh[i * hidden + j]` leads from unit i to unit j.
 * @typedef {{hidden: number, W_xh: Float32Array, W_hh: Float32Array, b_h: Float32Array,
 *   W_hy: Float32Array, b_y: Float32Array}} Network */
/** @typedef {{W_xh: Float32Array, W_hh: Float32Array, b_h: Float32Array, W_hy: Float32Array,
 *   b_y: Float32Array}} Gradients */

export const WEIGHTS = /** @type {const} */ (["W_xh", "W_hh", "b_h", "W_hy", "b_y"]);

/** Normal numbers. @param {number} n @param {number} std @param {Random} random */
function normals(n, std, random) {
  return Float32Array.from({length: n}, () => std * random.normal());
}

/** A random orthogonal matrix (n, n): normal rows, each freed of those before it, twice.
 * @param {number} n @param {Random} random */
export function orthogonal(n, random) {
  const rows = Array.from({length: n}, () => Float64Array.from({length: n}, () => random.normal()));
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    for (let k = 0; k < 2 * i; k++) {
      const other = rows[k % i];
      let dot = 0;
      for (let j = 0; j < n; j++) dot += row[j] * other[j];
      for (let j = 0; j < n; j++) row[j] -= dot * other[j];
    }
    const length = Math.hypot(...row);
    for (let j = 0; j < n; j++) row[j] /= length;
  }
  const out = new Float32Array(n * n);
  rows.forEach((row, i) => out.set(row, i * n));
  return out;
}

/** An untrained network. @param {number} hidden units @param {Random} random
 * @param {number} [drive] what the blank's row of W_xh is multiplied by; 0 is the quiet start
 * @returns {Network} */
export function makeNetwork(hidden, random, drive = 1) {
  const W_xh = normals(VOCAB * hidden, 0.1, random);
  for (let j = 0; j < hidden; j++) W_xh[BLANK * hidden + j] *= drive;
  return {hidden, W_xh, W_hh: orthogonal(hidden, random), b_h: new Float32Array(hidden),
    W_hy: normals(hidden * VOCAB, 0.1, random), b_y: new Float32Array(VOCAB)};
}

/** out (n, hidden) from place o = the rows of W_xh for n tokens, and a bias.
 * @param {Float32Array} out @param {number} o @param {Float32Array} W_xh @param {Float32Array} bias
 * @param {Uint8Array} x @param {number} at @param {number} n */
export function setDrive(out, o, W_xh, bias, x, at, n) {
  const hidden = bias.length;
  for (let b = 0; b < n; b++) {
    const row = x[at + b] * hidden, to = o + b * hidden;
    for (let j = 0; j < hidden; j++) out[to + j] = W_xh[row + j] + bias[j];
  }
}

/** h_0 and the state after each token: (steps + 1, n, hidden).
 * @param {Network} net @param {Batch} batch */
export function statesOf(net, batch) {
  const {n, steps, x} = batch, size = n * net.hidden;
  const states = new Float32Array((steps + 1) * size);
  for (let t = 0; t < steps; t++) {
    const to = (t + 1) * size;
    setDrive(states, to, net.W_xh, net.b_h, x, t * n, n);
    addProduct(states, to, states, t * size, net.W_hh, n, net.hidden, net.hidden);
    tanhAll(states, to, size);
  }
  return states;
}

/** The logits of states (rows, hidden) from place p: (rows, VOCAB).
 * @param {Network} net @param {Float32Array} states @param {number} p @param {number} rows */
export function logitsOf(net, states, p, rows) {
  const out = new Float32Array(rows * VOCAB);
  for (let r = 0; r < rows; r++) out.set(net.b_y, r * VOCAB);
  addProduct(out, 0, states, p, net.W_hy, rows, net.hidden, VOCAB);
  return out;
}

/** Logits to probabilities, in place; returns the logs of the sums, one a row.
 * @param {Float32Array} logits (rows, VOCAB) */
export function softmax(logits) {
  const rows = logits.length / VOCAB, logs = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    const from = r * VOCAB;
    let most = -Infinity, sum = 0;
    for (let v = 0; v < VOCAB; v++) most = Math.max(most, logits[from + v]);
    for (let v = 0; v < VOCAB; v++) sum += Math.exp(logits[from + v] - most);
    logs[r] = most + Math.log(sum);
    for (let v = 0; v < VOCAB; v++) logits[from + v] = Math.exp(logits[from + v] - logs[r]);
  }
  return logs;
}

/** The likeliest token of each row. @param {Float32Array} rows (n, VOCAB) */
export function likeliest(rows) {
  return Uint8Array.from({length: rows.length / VOCAB}, (_, r) => {
    let best = 0;
    for (let v = 1; v < VOCAB; v++) if (rows[r * VOCAB + v] > rows[r * VOCAB + best]) best = v;
    return best;
  });
}

/** Mean loss in nats, and each step's gradient of its own part at its logits (steps, n, VOCAB).
 * @param {Network} net @param {Float32Array} states from `statesOf` @param {Batch} batch
 * @param {number} silence weight of the steps whose output is the blank
 * @param {number} activity weight of the penalty on large states */
export function outputError(net, states, batch, silence = 1, activity = 0) {
  const {n, steps, y} = batch, rows = n * steps;
  const error = logitsOf(net, states, n * net.hidden, rows), raw = error.slice();
  const logs = softmax(error);
  let loss = 0;
  for (let r = 0; r < rows; r++) {
    const weight = y[r] === BLANK ? silence : 1;
    loss += weight * (logs[r] - raw[r * VOCAB + y[r]]);
    error[r * VOCAB + y[r]] -= 1;
    if (weight !== 1) for (let v = 0; v < VOCAB; v++) error[r * VOCAB + v] *= weight;
  }
  if (activity) {
    let squares = 0;
    for (let i = 0; i < states.length; i++) squares += states[i] * states[i];
    loss += activity / 2 * squares;
  }
  return {loss: loss / rows, error};
}

/** Each step's gradient of its own part at its state: (steps, n, hidden).
 * @param {Network} net @param {Float32Array} states @param {Float32Array} error
 * @param {number} activity */
export function localGradients(net, states, error, activity = 0) {
  const hidden = net.hidden, rows = error.length / VOCAB;
  const out = new Float32Array(rows * hidden), first = states.length - out.length;
  if (activity) for (let i = 0; i < out.length; i++) out[i] = activity * states[first + i];
  addProduct(out, 0, error, 0, transpose(net.W_hy, hidden, VOCAB), rows, VOCAB, hidden);
  return out;
}

/** The gradients of all weights, means over steps and sequences.
 * @param {Network} net @param {Batch} batch @param {Float32Array} states
 * @param {Float32Array} g what each state should move against (steps, n, hidden)
 * @param {Float32Array} error at the logits @param {number} scale what g is multiplied by
 * @returns {Gradients} */
export function weightGradients(net, batch, states, g, error, scale = 1) {
  const {hidden} = net, {n, steps, x} = batch, rows = n * steps, size = n * hidden;
  const grads = {W_xh: new Float32Array(VOCAB * hidden), W_hh: new Float32Array(hidden * hidden),
    b_h: new Float32Array(hidden), W_hy: new Float32Array(hidden * VOCAB),
    b_y: new Float32Array(VOCAB)};
  const delta = new Float32Array(g.length);
  for (let i = 0; i < g.length; i++) {
    const h = states[size + i];
    delta[i] = scale / rows * g[i] * (1 - h * h);
  }
  for (let r = 0; r < rows; r++) {
    const to = x[r] * hidden, from = r * hidden;
    for (let j = 0; j < hidden; j++) grads.W_xh[to + j] += delta[from + j];
  }
  for (let v = 0; v < VOCAB; v++) {
    for (let j = 0; j < hidden; j++) grads.b_h[j] += grads.W_xh[v * hidden + j];
  }
  addOuter(grads.W_hh, states, 0, delta, 0, rows, hidden, hidden, 1);
  addOuter(grads.W_hy, states, size, error, 0, rows, hidden, VOCAB, 1 / rows);
  for (let i = 0; i < error.length; i++) grads.b_y[i % VOCAB] += error[i] / rows;
  return grads;
}

/** The share of the ten recalled symbols that are right. @param {Network} net
 * @param {Float32Array} states from `statesOf` @param {Batch} batch */
export function recallAccuracy(net, states, batch) {
  const {n, steps, y} = batch, rows = LENGTH * n, first = (steps - LENGTH) * n;
  const said = likeliest(logitsOf(net, states, (first + n) * net.hidden, rows));
  let right = 0;
  for (let r = 0; r < rows; r++) if (said[r] === y[first + r]) right += 1;
  return right / rows;
}
