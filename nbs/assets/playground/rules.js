// @ts-check
// The two learning rules: backpropagation and difference target propagation, both through time.
import {addOuter, addProduct, tanhAll, transpose} from "./products.js";
import {localGradients, orthogonal, outputError, setDrive, statesOf, weightGradients} from "./rnn.js";
import {BLANK} from "./task.js";

/** @import {Batch} from "./task.js" */
/** @import {Network} from "./rnn.js" */
/** g(h', x') = tanh(h' V_hh + x' W_xh + c_h), which borrows the network's W_xh.
 * @typedef {{V_hh: Float32Array, c_h: Float32Array}} Inverse */

/** Carries each step's gradient back through all earlier steps (Werbos 1990).
 * @param {Network} net @param {Float32Array} states @param {Float32Array} local (steps, n, hidden)
 * @param {number} n */
export function propagateGradients(net, states, local, n) {
  const hidden = net.hidden, size = n * hidden, g = local.slice();
  const back = transpose(net.W_hh, hidden, hidden), delta = new Float32Array(size);
  for (let t = local.length / size - 2; t >= 0; t--) {
    const next = (t + 1) * size;
    for (let i = 0; i < size; i++) {
      const h = states[next + size + i];
      delta[i] = g[next + i] * (1 - h * h);
    }
    addProduct(g, t * size, delta, 0, back, n, hidden, hidden);
  }
  return g;
}

/** Each step's gradients (steps, n, size / n) without their mean over the sequences.
 * @param {Float32Array} g @param {number} n @param {number} size numbers of a step */
export function withoutShared(g, n, size) {
  const own = g.slice(), hidden = size / n;
  for (let from = 0; from < g.length; from += size) {
    for (let j = 0; j < hidden; j++) {
      let mean = 0;
      for (let i = j; i < size; i += hidden) mean += g[from + i] / n;
      for (let i = j; i < size; i += hidden) own[from + i] -= mean;
    }
  }
  return own;
}

/** Backpropagation through time: loss and the gradients of all weights.
 * @param {Network} net @param {Batch} batch
 * @param {{silence?: number, activity?: number, unpushed?: boolean}} [options] `unpushed` takes out
 *   what is asked of all sequences alike, and holds what acts on all alike: bias and blank's row */
export function backprop(net, batch, {silence = 1, activity = 0, unpushed = false} = {}) {
  const states = statesOf(net, batch);
  const {loss, error} = outputError(net, states, batch, silence, activity);
  const local = localGradients(net, states, error, activity);
  const g = propagateGradients(net, states, local, batch.n);
  const own = unpushed ? withoutShared(g, batch.n, batch.n * net.hidden) : g;
  const grads = weightGradients(net, batch, states, own, error);
  if (unpushed) {
    grads.b_h.fill(0);
    grads.W_xh.fill(0, BLANK * net.hidden, (BLANK + 1) * net.hidden);
  }
  return {loss, states, g, grads};
}

/** An untrained inverse. @param {number} hidden @param {import("./task.js").Random} random
 * @returns {Inverse} */
export function makeInverse(hidden, random) {
  return {V_hh: orthogonal(hidden, random), c_h: new Float32Array(hidden)};
}

/** Gradients of the mean of |g(f(h + eps)) - (h + eps)|² (Bengio 2014).
 * @param {Network} net @param {Inverse} inverse @param {Batch} batch @param {Float32Array} states
 * @param {Float32Array} eps noise on the states (n, hidden), the same at each step
 * @returns {Inverse} */
export function learnInverse(net, inverse, batch, states, eps) {
  const {hidden} = net, {n, steps, x} = batch, size = n * hidden, rows = (steps - 1) * n;
  const before = new Float32Array(rows * hidden), after = new Float32Array(rows * hidden);
  const guess = new Float32Array(rows * hidden), c_h = new Float32Array(hidden);
  for (let from = 0; from < before.length; from += size) {
    for (let i = 0; i < size; i++) before[from + i] = states[size + from + i] + eps[i];
  }
  setDrive(after, 0, net.W_xh, net.b_h, x, n, rows);
  addProduct(after, 0, before, 0, net.W_hh, rows, hidden, hidden);
  tanhAll(after, 0, after.length);
  setDrive(guess, 0, net.W_xh, inverse.c_h, x, n, rows);
  addProduct(guess, 0, after, 0, inverse.V_hh, rows, hidden, hidden);
  tanhAll(guess, 0, guess.length);
  for (let from = 0; from < guess.length; from += hidden) {
    for (let j = 0; j < hidden; j++) {
      const said = guess[from + j];
      guess[from + j] = 2 / rows * (said - before[from + j]) * (1 - said * said);
      c_h[j] += guess[from + j];
    }
  }
  const V_hh = new Float32Array(hidden * hidden);
  addOuter(V_hh, after, 0, guess, 0, rows, hidden, hidden, 1);
  return {V_hh, c_h};
}

/** Target minus state at each step (Lee et al. 2015; Manchev and Spratling 2020).
 * @param {Network} net @param {Inverse} inverse @param {Batch} batch @param {Float32Array} states
 * @param {Float32Array} local local target minus state (steps, n, hidden)
 * @param {number} fade the part that each step passes back */
export function propagateTargets(net, inverse, batch, states, local, fade = 1) {
  const {hidden} = net, {n, steps, x} = batch, size = n * hidden, d = local.slice();
  const known = new Float32Array(size), guess = new Float32Array(size);
  for (let t = steps - 2; t >= 0; t--) {
    setDrive(known, 0, net.W_xh, inverse.c_h, x, (t + 1) * n, n);
    addProduct(known, 0, states, (t + 2) * size, inverse.V_hh, n, hidden, hidden);
    guess.set(known);
    addProduct(guess, 0, d, (t + 1) * size, inverse.V_hh, n, hidden, hidden);
    tanhAll(known, 0, size);
    tanhAll(guess, 0, size);
    for (let i = 0; i < size; i++) d[t * size + i] += fade * (guess[i] - known[i]);
  }
  return d;
}

/** The part of the displacements that turns with the wish: ½ (d(wish) - d(-wish)).
 * @param {Network} net @param {Inverse} inverse @param {Batch} batch @param {Float32Array} states
 * @param {Float32Array} local @param {number} fade */
export function oddTargets(net, inverse, batch, states, local, fade = 1) {
  const there = propagateTargets(net, inverse, batch, states, local, fade);
  const opposite = propagateTargets(net, inverse, batch, states, local.map(v => -v), fade);
  for (let i = 0; i < there.length; i++) there[i] = (there[i] - opposite[i]) / 2;
  return there;
}

/** Difference target propagation through time: loss, gradients of all weights and the inverse's.
 * @param {Network} net @param {Inverse} inverse @param {Batch} batch
 * @param {Float32Array} eps noise for the inverse (n, hidden)
 * @param {{stepSize?: number, fade?: number, silence?: number, activity?: number, odd?: boolean}}
 *   [options] `odd` leaves the displacement's even part out */
export function targetprop(net, inverse, batch, eps, options = {}) {
  const {stepSize = 0.5, fade = 1, silence = 1, activity = 0, odd = false} = options;
  const states = statesOf(net, batch);
  const {loss, error} = outputError(net, states, batch, silence, activity);
  const local = localGradients(net, states, error, activity);
  for (let i = 0; i < local.length; i++) local[i] *= -stepSize;
  const d = (odd ? oddTargets : propagateTargets)(net, inverse, batch, states, local, fade);
  const grads = weightGradients(net, batch, states, d, error, -1 / stepSize);
  return {loss, states, d, grads, toInverse: learnInverse(net, inverse, batch, states, eps)};
}
