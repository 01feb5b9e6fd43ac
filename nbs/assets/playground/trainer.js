// @ts-check
// One run of either rule: an update at a time, and what is looked at on the way.
import {Adam, clip} from "./adam.js";
import {meanSlope, readable} from "./read.js";
import {WEIGHTS, makeNetwork, recallAccuracy, statesOf} from "./rnn.js";
import {backprop, learnInverse, makeInverse, targetprop} from "./rules.js";
import {LENGTH, Random, sample} from "./task.js";

/** @typedef {{rule: "bp" | "tp", units: number, delay: number, rate: number, seed: number,
 *   start: "standard" | "quiet", silence: number, activity: number, unpushed: boolean, odd: boolean,
 *   batch: number, stepSize: number, noise: number, inverseRate: number, warmup: number,
 *   clip: number}} Settings */
/** @typedef {{update: number, loss: number, recall: number, readable: number, slope: number}} Look */

/** The protocol of the course's studies. @type {Settings} */
export const DEFAULTS = {rule: "bp", units: 64, delay: 15, rate: 1e-3, seed: 0, start: "standard",
  silence: 1, activity: 0, unpushed: false, odd: false, batch: 20, stepSize: 0.5, noise: 0.1,
  inverseRate: 1e-3, warmup: 500, clip: 1};

const LOOKED_AT = 160, FIT = 110;  // sequences of a look, and those that its read-out is fitted on

/** A network that learns. Runs of one seed, units and start begin with the same weights. */
export class Trainer {
  /** @param {Partial<Settings>} settings */
  constructor(settings) {
    const own = this.settings = {...DEFAULTS, ...settings};
    const weights = new Random(own.seed);
    this.net = makeNetwork(own.units, weights, own.start === "quiet" ? 0 : 1);
    this.inverse = makeInverse(own.units, weights);
    this.random = new Random(own.seed + 1_000_003);
    this.exam = sample(LOOKED_AT, own.delay, new Random(own.seed + 2_000_003));
    this.flat = WEIGHTS.map(name => this.net[name]);
    this.adam = new Adam(this.flat, {amsgrad: own.rule === "tp"});
    this.adamBack = new Adam([this.inverse.V_hh, this.inverse.c_h], {amsgrad: true});
    this.update = 0;
    this.loss = NaN;
  }

  /** One update, and its loss in nats; target propagation's first ones are the inverse's alone. */
  step() {
    const own = this.settings, batch = sample(own.batch, own.delay, this.random);
    this.update += 1;
    if (own.rule === "bp") return this.learn(backprop(this.net, batch, own));
    const eps = new Float32Array(own.batch * own.units);
    for (let i = 0; i < eps.length; i++) eps[i] = own.noise * this.random.normal();
    if (this.update <= own.warmup) {
      const back = learnInverse(this.net, this.inverse, batch, statesOf(this.net, batch), eps);
      this.adamBack.step([back.V_hh, back.c_h], own.inverseRate);
      return this.loss;
    }
    const done = targetprop(this.net, this.inverse, batch, eps, own);
    this.adamBack.step([done.toInverse.V_hh, done.toInverse.c_h], own.inverseRate);
    return this.learn(done);
  }

  /** @param {{loss: number, grads: import("./rnn.js").Gradients}} done */
  learn({loss, grads}) {
    const flat = WEIGHTS.map(name => grads[name]);
    clip(flat, this.settings.clip);
    this.adam.step(flat, this.settings.rate);
    return this.loss = loss;
  }

  /** How it stands, on sequences that it does not learn from. @returns {Look} */
  look() {
    const {net, exam, update, loss} = this, {n, steps, y} = exam;
    const states = statesOf(net, exam), first = steps - LENGTH, size = n * net.hidden;
    return {update, loss, recall: recallAccuracy(net, states, exam),
      readable: readable(states.subarray((first + 1) * size), y.subarray(first * n), n,
        net.hidden, FIT),
      slope: meanSlope(states, size)};
  }
}
