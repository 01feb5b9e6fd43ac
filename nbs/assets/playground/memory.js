// @ts-check
// The memory: what an untrained network still holds after it has waited.
import {Asking} from "./asking.js";
import {labelled, labelledSlider, make, slider} from "./dom.js";
import {chart} from "./draw.js";
import {Panel} from "./panel.js";
import {DELAYS} from "./probes.js";
import {colorsOf} from "./theme.js";

/** @import {Wait} from "./probes.js" */

const X = {min: 1, max: 1000, log: true, ticks: [1, 10, 100, 1000], label: "delay, in steps"};
/** @type {{key: "readable" | "slope" | "length" | "spread", title: string, words: string,
 *   y: import("./draw.js").Axis, say: (v: number) => string}[]} */
const CHARTS = [
  {key: "readable", title: "What can be read", words: "share of the ten symbols",
    y: {min: 0, max: 1}, say: v => `${Math.round(100 * v)}%`},
  {key: "spread", title: "Spread", words: "between sequences",
    y: {min: 1e-6, max: 10, log: true}, say: v => v < 0.01 ? v.toExponential(0) : v.toPrecision(2)},
  {key: "length", title: "Mean state", words: "its length",
    y: {min: 0, max: 6}, say: v => v.toFixed(2)},
  {key: "slope", title: "Mean slope", words: "of the tanh", y: {min: 0, max: 1},
    say: v => v.toFixed(2)}];

const noiseAt = (/** @type {number} */ position) => position === 0 ? 0 : +(10 ** (position / 4 - 4)).toPrecision(2);
const NOISES = Array.from({length: 13}, (_, i) => noiseAt(i));  // 0, 0.00018 ... 0.1

class Memory extends Panel {
  static kicker = "The memory of a network that nobody trained";
  /** @type {Record<string, import("./state.js").Field>} */
  static fields = {
    drive: {kind: "number", min: 0, max: 1, value: 1},
    delay: {kind: "choice", of: DELAYS.map(String), value: "200"},
    noise: {kind: "choice", of: NOISES.map(String), value: "0.01"},
    seed: {kind: "whole", min: 0, max: 9999, value: 0}};

  build() {
    /** @type {Wait[]} */
    this.found = [];
    /** @type {{key: string, found: Wait[]}} */
    this.ghost = {key: "", found: []};
    this.asking = new Asking((found, done) => this.hear(found, done), error => this.fail(error));
    this.drive = slider({min: 0, max: 1, step: 0.05}, this.value("drive"), v => this.set("drive", v),
      v => `${Math.round(100 * v)}%`);
    this.delay = slider({min: 0, max: DELAYS.length - 1, step: 1}, 0, v => this.set("delay", String(v)),
      v => v.toLocaleString("en"), i => DELAYS[i]);
    this.noise = slider({min: 0, max: NOISES.length - 1, step: 1}, 0, v => this.set("noise", String(v)),
      String, i => NOISES[i]);
    this.seed = make("input", {type: "number", min: 0, max: 9999, step: 1,
      on: {input: () => this.set("seed", this.seed?.valueAsNumber ?? 0)}});
    this.numbers = make("dl", {className: "numbers", style: {margin: "0"}});
    this.canvases = CHARTS.map(({title}) => make("canvas", {role: "img", aria: {label: title}, on: {
      pointerdown: (/** @type {PointerEvent} */ e) => this.point(e),
      pointermove: (/** @type {PointerEvent} */ e) => { if (e.buttons) this.point(e); }}}));
    return [
      make("div", {className: "controls"}, labelledSlider("The blank's drive", this.drive),
        labelledSlider("Delay", this.delay), labelledSlider("Noise on the states", this.noise),
        labelled("Seed", this.seed)),
      this.numbers,
      make("div", {className: "charts"}, ...CHARTS.map(({title, words}, i) => make("figure", {},
        make("figcaption", {}, `${title} `, make("span", {}, words)),
        /** @type {HTMLCanvasElement[]} */ (this.canvases)[i])))];
  }

  begin() { this.ask(); }

  /** Runs the waiting anew, from its start. */
  ask() {
    const [drive, noise, seed] = [this.value("drive"), Number(this.value("noise")), this.value("seed")];
    this.found = [];
    this.asking?.ask({kind: "waiting", options: {drive, noise, seed}});
  }

  /** @param {Wait | undefined} found @param {boolean} done */
  hear(found, done) {
    if (found) this.found?.push(found);
    if (done && this.value("drive") === 1 && this.found) {
      this.ghost = {key: this.ghostKey(), found: this.found};
    }
    this.redraw();
  }

  ghostKey() { return `${this.value("noise")} ${this.value("seed")}`; }

  /** @param {string} name */
  changed(name) {
    if (name !== "delay" && this.asking?.id) this.ask();
    this.redraw();
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (!this.frame) return;
    const delay = this.frame.value(event.offsetX);
    const near = DELAYS.reduce((a, b) => Math.abs(Math.log(b / delay)) < Math.abs(Math.log(a / delay)) ? b : a);
    this.set("delay", String(near));
  }

  draw() {
    const delay = Number(this.value("delay")), here = this.found?.find(w => w.delay === delay);
    this.drive?.show(this.value("drive"));
    this.delay?.show(DELAYS.indexOf(delay));
    this.noise?.show(NOISES.indexOf(Number(this.value("noise"))));
    if (this.seed && this.shadowRoot?.activeElement !== this.seed) this.seed.value = this.value("seed");
    const colors = colorsOf(this), ghost = this.value("drive") < 1 && this.ghost?.key === this.ghostKey();
    this.canvases?.forEach((canvas, i) => {
      const {key, title, y, say} = CHARTS[i];
      /** @param {Wait[]} list @returns {[number, number][]} */
      const points = list => list.map(w => [w.delay, w[key]]);
      /** @type {import("./draw.js").Line[]} */
      const lines = [{points: points(this.found ?? []), color: colors.ink}];
      if (ghost) {
        lines.unshift({points: points(this.ghost?.found ?? []), color: colors.edge, dash: [2, 4], width: 1.6});
      }
      this.frame = chart(canvas, 172, X, y, lines, colors,
        {mark: delay, level: key === "readable" ? ["chance", 1 / 8] : undefined});
      canvas.setAttribute("aria-label", `${title}: ${here ? say(here[key]) : "not known yet"} at a delay of ${delay}`);
    });
    this.numbers?.replaceChildren(...CHARTS.map(({key, title, words, say}) => make("div", {},
      make("dt", {}, title),
      make("dd", {}, here ? say(here[key]) : "…", " ",
        make("small", {}, key === "readable" ? "of the ten symbols" : words)))));
    this.tell(delay, here);
    this.note(ghost ? "Dotted: the same network with the blank's full drive." : "");
  }

  /** @param {number} delay @param {Wait | undefined} here */
  tell(delay, here) {
    if (!here) return this.say(`Waiting for step ${delay.toLocaleString("en")} …`);
    const share = Math.round(100 * here.readable);
    const when = `At a delay of ${delay.toLocaleString("en")}`;
    this.say(share <= 20 ? `${when} nothing can be read any more`
      : `${when}, ${share}% of the symbols can be read from a network that nobody trained`);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.asking?.stop();
  }
}

customElements.define("copymem-memory", Memory);
