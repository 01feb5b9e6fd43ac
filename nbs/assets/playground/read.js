// @ts-check
// What can be read from states by least squares, and how steep the units are.
import {LENGTH, N_SYMBOLS} from "./task.js";

/** @import {Batch} from "./task.js" */

/** Solves A X = B for a symmetric positive A (n, n) and B (n, m), in place in B (Cholesky).
 * @param {Float64Array} A @param {Float64Array} B @param {number} n @param {number} m */
export function solve(A, B, n, m) {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i * n + j];
      for (let k = 0; k < j; k++) sum -= A[i * n + k] * A[j * n + k];
      A[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / A[j * n + j];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) for (let c = 0; c < m; c++) B[i * m + c] -= A[i * n + k] * B[k * m + c];
    for (let c = 0; c < m; c++) B[i * m + c] /= A[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) {
      for (let c = 0; c < m; c++) B[i * m + c] -= A[k * n + i] * B[k * m + c];
    }
    for (let c = 0; c < m; c++) B[i * m + c] /= A[i * n + i];
  }
}

/** Least squares with a bias and a trace of a ridge: what each of k read-outs says to fresh states.
 * @param {Float32Array} states (n, hidden) @param {Uint8Array} symbols (n, k)
 * @param {Float32Array} fresh (m, hidden) @param {number} hidden
 * @param {number} [ridge] beside the mean square of the states
 * @returns {Uint8Array} (m, k) */
export function fitReadOut(states, symbols, fresh, hidden, ridge = 1e-12) {
  const n = states.length / hidden, k = symbols.length / n, wide = k * N_SYMBOLS;
  const mean = new Float64Array(hidden), row = new Float64Array(hidden);
  for (let i = 0; i < states.length; i++) mean[i % hidden] += states[i] / n;
  const A = new Float64Array(hidden * hidden), B = new Float64Array(hidden * wide);
  const shares = new Float64Array(wide);
  for (let r = 0; r < n; r++) {
    for (let j = 0; j < hidden; j++) row[j] = states[r * hidden + j] - mean[j];
    for (let i = 0; i < hidden; i++) {
      const own = row[i];
      for (let j = 0; j <= i; j++) A[i * hidden + j] += own * row[j];
      for (let c = 0; c < k; c++) B[i * wide + c * N_SYMBOLS + symbols[r * k + c]] += own;
    }
    for (let c = 0; c < k; c++) shares[c * N_SYMBOLS + symbols[r * k + c]] += 1 / n;
  }
  let trace = 0;
  for (let i = 0; i < hidden; i++) trace += A[i * hidden + i];
  for (let i = 0; i < hidden; i++) A[i * hidden + i] += ridge * trace / hidden + 1e-30;
  solve(A, B, hidden, wide);
  return speak(B, shares, mean, fresh, hidden, k);
}

/** The symbols that fitted read-outs find likeliest. @param {Float64Array} B (hidden, 8 k)
 * @param {Float64Array} shares @param {Float64Array} mean @param {Float32Array} fresh
 * @param {number} hidden @param {number} k */
function speak(B, shares, mean, fresh, hidden, k) {
  const m = fresh.length / hidden, wide = k * N_SYMBOLS, said = new Uint8Array(m * k);
  const score = new Float64Array(wide);
  for (let r = 0; r < m; r++) {
    score.set(shares);
    for (let i = 0; i < hidden; i++) {
      const own = fresh[r * hidden + i] - mean[i];
      for (let c = 0; c < wide; c++) score[c] += own * B[i * wide + c];
    }
    for (let c = 0; c < k; c++) {
      let best = 0;
      for (let s = 1; s < N_SYMBOLS; s++) {
        if (score[c * N_SYMBOLS + s] > score[c * N_SYMBOLS + best]) best = s;
      }
      said[r * k + c] = best;
    }
  }
  return said;
}

/** The share of equal symbols. @param {Uint8Array} a @param {Uint8Array} b */
export function share(a, b) {
  let right = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) right += 1;
  return right / a.length;
}

/** What one read-out for all ten recall steps can recall: fitted on the first `fit` sequences of a
 * batch, asked about the others. @param {Float32Array} states of the ten recall steps (10, n, hidden)
 * @param {Uint8Array} symbols likewise (10, n) @param {number} n @param {number} hidden
 * @param {number} fit */
export function readable(states, symbols, n, hidden, fit) {
  /** @param {number} from @param {number} to */
  const part = (from, to) => {
    const size = to - from, h = new Float32Array(LENGTH * size * hidden);
    const s = new Uint8Array(LENGTH * size);
    for (let t = 0; t < LENGTH; t++) {
      h.set(states.subarray((t * n + from) * hidden, (t * n + to) * hidden), t * size * hidden);
      s.set(symbols.subarray(t * n + from, t * n + to), t * size);
    }
    return {h, s};
  };
  const known = part(0, fit), fresh = part(fit, n);
  return share(fitReadOut(known.h, known.s, fresh.h, hidden), fresh.s);
}

/** What ten read-outs of one step's state can recall, one for each symbol, together.
 * @param {Float32Array} states (n, hidden) @param {Uint8Array} symbols (n, 10)
 * @param {number} hidden @param {number} fit sequences to fit on */
export function readableAt(states, symbols, hidden, fit) {
  const said = fitReadOut(states.subarray(0, fit * hidden), symbols.subarray(0, fit * LENGTH),
    states.subarray(fit * hidden), hidden);
  return share(said, symbols.subarray(fit * LENGTH));
}

/** The mean slope of the tanh over states. @param {Float32Array} states @param {number} [from] */
export function meanSlope(states, from = 0) {
  let squares = 0;
  for (let i = from; i < states.length; i++) squares += states[i] * states[i];
  return 1 - squares / (states.length - from);
}
