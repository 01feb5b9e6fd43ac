// @ts-check
// Adam (Kingma and Ba 2015), AMSGrad (Reddi et al. 2018), and a limit on the gradient's norm.

/** Scales gradients down to a common norm of at most `limit`; 0 is no limit.
 * @param {Float32Array[]} grads @param {number} limit */
export function clip(grads, limit) {
  let squares = 0;
  for (const g of grads) for (let i = 0; i < g.length; i++) squares += g[i] * g[i];
  const norm = Math.sqrt(squares), scale = limit / (norm + 1e-6);
  if (limit && scale < 1) for (const g of grads) for (let i = 0; i < g.length; i++) g[i] *= scale;
  return norm;
}

/** An optimizer that changes `weights` in place. */
export class Adam {
  /** @param {Float32Array[]} weights @param {{amsgrad?: boolean, beta2?: number}} [options] */
  constructor(weights, {amsgrad = false, beta2 = 0.999} = {}) {
    const zeros = () => weights.map(w => new Float32Array(w.length));
    this.weights = weights;
    this.amsgrad = amsgrad;
    this.beta2 = beta2;
    this.m = zeros(); this.v = zeros(); this.most = zeros();
    this.steps = 0;
  }

  /** One step. @param {Float32Array[]} grads @param {number} rate */
  step(grads, rate) {
    this.steps += 1;
    const first = rate / (1 - 0.9 ** this.steps), beta2 = this.beta2;
    const root = 1 / Math.sqrt(1 - beta2 ** this.steps);
    this.weights.forEach((w, k) => {
      const g = grads[k], m = this.m[k], v = this.v[k], most = this.most[k];
      for (let i = 0; i < w.length; i++) {
        m[i] += 0.1 * (g[i] - m[i]);
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        most[i] = Math.max(most[i], v[i]);
        const kept = this.amsgrad ? most[i] : v[i];
        w[i] -= first * m[i] / (Math.sqrt(kept) * root + 1e-8);
      }
    });
  }
}
