// Every number of vectors.json made again by the page's numerics; the largest differences, by name.

const largest = (a, b) => {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]) || 0);
  return a.some(Number.isNaN) ? Infinity : most;
};

export function compare(numerics, recorded) {
  const {hidden, delay, n, settings, weights, rules, reading} = recorded, off = {};
  const own = {silence: settings.silence, activity: settings.activity};
  const copy = () => ({hidden, ...Object.fromEntries(Object.entries(weights).map(
    ([name, values]) => [name, Float32Array.from(values)]))});
  const net = copy(), inverse = {V_hh: net.V_hh, c_h: net.c_h};
  const batch = numerics.encode(recorded.symbols, delay);

  const there = numerics.backprop(net, batch, own);
  off.states = largest(there.states.slice(n * hidden), rules.states);
  off.loss = Math.abs(there.loss - rules.loss);
  off.error = largest(numerics.outputError(net, there.states, batch,
    own.silence, own.activity).error, rules.error);
  off.g = largest(there.g, rules.g);
  for (const [name, grad] of Object.entries(rules.bp)) {
    off[`bp ${name}`] = largest(there.grads[name], grad);
  }

  const unpushed = numerics.backprop(net, batch, {...own, unpushed: true}).grads;
  for (const [name, grad] of Object.entries(rules.unpushed)) {
    off[`unpushed ${name}`] = largest(unpushed[name], grad);
  }

  const options = {...own, stepSize: settings.step_size, fade: settings.fade};
  const eps = Float32Array.from(recorded.eps);
  const back = numerics.targetprop(net, inverse, batch, eps, options);
  off.d = largest(back.d, rules.d);
  off.odd = largest(numerics.targetprop(net, inverse, batch, eps,
    {...options, odd: true}).d, rules.odd);
  for (const [name, grad] of Object.entries(rules.tp)) {
    off[`tp ${name}`] = largest({...back.grads, ...back.toInverse}[name], grad);
  }

  for (const kind of ["adam", "amsgrad"]) {
    const own = copy(), flat = numerics.WEIGHTS.map(name => own[name]);
    const adam = new numerics.Adam(flat,
      {amsgrad: kind === "amsgrad", beta2: 0.5});
    for (const scale of [1, 0.1, -1]) {
      const grads = numerics.WEIGHTS.map(name =>
        Float32Array.from(rules.bp[name], v => scale * v));
      numerics.clip(grads, 0.5);
      adam.step(grads, 0.01);
    }
    numerics.WEIGHTS.forEach((name, k) => {
      off[`${kind} ${name}`] = largest(flat[k], recorded[kind][name]);
    });
  }

  const states = Float32Array.from(reading.states), cut = reading.fit;
  const said = numerics.fitReadOut(states.subarray(0, cut * hidden),
    Uint8Array.from(reading.symbols.slice(0, cut * 10)), states.subarray(cut * hidden), hidden);
  off.said = said.filter((s, i) => s !== reading.said[i]).length;
  return off;
}
