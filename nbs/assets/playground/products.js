// @ts-check
// Products of matrices in rows: plain loops, four terms of a sum at a time.

/** out += a W: out (rows, m) from place o, a (rows, n) from place p, W (n, m). Two rows and four
 * terms at a time, so that what is fetched is used more than once.
 * @param {Float32Array} out @param {number} o @param {Float32Array} a @param {number} p
 * @param {Float32Array} W @param {number} rows @param {number} n @param {number} m */
export function addProduct(out, o, a, p, W, rows, n, m) {
  const pairs = rows - rows % 2, whole = n - n % 4;
  for (let r = 0; r < pairs; r += 2) {
    const to = o + r * m, also = to + m, of = p + r * n, and = of + n;
    for (let i = 0; i < whole; i += 4) {
      const a0 = a[of + i], a1 = a[of + i + 1], a2 = a[of + i + 2], a3 = a[of + i + 3];
      const b0 = a[and + i], b1 = a[and + i + 1], b2 = a[and + i + 2], b3 = a[and + i + 3];
      const v0 = i * m, v1 = v0 + m, v2 = v1 + m, v3 = v2 + m;
      for (let j = 0; j < m; j++) {
        const w0 = W[v0 + j], w1 = W[v1 + j], w2 = W[v2 + j], w3 = W[v3 + j];
        out[to + j] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3;
        out[also + j] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3;
      }
    }
    if (whole < n) addRows(out, to, a, of, W, 2, n, m, whole);
  }
  if (pairs < rows) addRows(out, o + pairs * m, a, p + pairs * n, W, 1, n, m, 0);
}

/** The same, one row at a time, from the term `first` on.
 * @param {Float32Array} out @param {number} o @param {Float32Array} a @param {number} p
 * @param {Float32Array} W @param {number} rows @param {number} n @param {number} m
 * @param {number} first */
function addRows(out, o, a, p, W, rows, n, m, first) {
  for (let r = 0; r < rows; r++) {
    const to = o + r * m, of = p + r * n;
    let i = first;
    for (; i + 3 < n; i += 4) {
      const a0 = a[of + i], a1 = a[of + i + 1], a2 = a[of + i + 2], a3 = a[of + i + 3];
      const v0 = i * m, v1 = v0 + m, v2 = v1 + m, v3 = v2 + m;
      for (let j = 0; j < m; j++) {
        out[to + j] += a0 * W[v0 + j] + a1 * W[v1 + j] + a2 * W[v2 + j] + a3 * W[v3 + j];
      }
    }
    for (; i < n; i++) {
      const own = a[of + i], v = i * m;
      for (let j = 0; j < m; j++) out[to + j] += own * W[v + j];
    }
  }
}

/** out += scale aᵀ d: out (n, m), a (rows, n) from place p, d (rows, m) from place q.
 * @param {Float32Array} out @param {Float32Array} a @param {number} p @param {Float32Array} d
 * @param {number} q @param {number} rows @param {number} n @param {number} m
 * @param {number} scale */
export function addOuter(out, a, p, d, q, rows, n, m, scale) {
  const whole = rows - rows % 4;
  for (let r = 0; r < whole; r += 4) {
    const p0 = p + r * n, p1 = p0 + n, p2 = p1 + n, p3 = p2 + n;
    const q0 = q + r * m, q1 = q0 + m, q2 = q1 + m, q3 = q2 + m;
    for (let i = 0; i < n; i++) {
      const a0 = scale * a[p0 + i], a1 = scale * a[p1 + i];
      const a2 = scale * a[p2 + i], a3 = scale * a[p3 + i], to = i * m;
      for (let j = 0; j < m; j++) {
        out[to + j] += a0 * d[q0 + j] + a1 * d[q1 + j] + a2 * d[q2 + j] + a3 * d[q3 + j];
      }
    }
  }
  for (let r = whole; r < rows; r++) {
    for (let i = 0; i < n; i++) {
      const a0 = scale * a[p + r * n + i], to = i * m, from = q + r * m;
      for (let j = 0; j < m; j++) out[to + j] += a0 * d[from + j];
    }
  }
}

/** The transpose of W (n, m). @param {Float32Array} W @param {number} n @param {number} m */
export function transpose(W, n, m) {
  const out = new Float32Array(n * m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[j * n + i] = W[i * m + j];
  return out;
}

/** The hyperbolic tangent, to a float32's precision and sooner than Math.tanh.
 * @param {number} x */
export function tanh(x) {
  return 1 - 2 / (Math.exp(2 * x) + 1);
}

/** In place, n values from place o. @param {Float32Array} a @param {number} o @param {number} n */
export function tanhAll(a, o, n) {
  for (let i = o; i < o + n; i++) a[i] = 1 - 2 / (Math.exp(2 * a[i]) + 1);
}
