// @ts-check
// The error's journey: what either rule sends back from one recalled symbol, and what that does.
import {Asking} from "./asking.js";
import {choice, labelled, labelledSlider, make, slider, toggle} from "./dom.js";
import {chart} from "./draw.js";
import {Panel} from "./panel.js";
import {LENGTH} from "./task.js";
import {colorsOf} from "./theme.js";
import {loadInverse, loadNetwork} from "./weights.js";

const DELAY = 15, STEP_SIZE = 0.5;
/** @type {[string, string][]} */
const NETWORKS = [["untrained", "untrained"], ["15-bp", "15-bp: backpropagation at 15"],
  ["15-tp", "15-tp: target propagation at 15"]];

class Journey extends Panel {
  static kicker = "The error's journey: from one recalled symbol back to where it was heard";
  /** @type {Record<string, import("./state.js").Field>} */
  static fields = {
    network: {kind: "choice", of: NETWORKS.map(([name]) => name), value: "untrained"},
    position: {kind: "whole", min: 1, max: LENGTH, value: 1},
    step: {kind: "whole", min: 0, max: DELAY + 2 * LENGTH - 1, value: 0},
    matched: {kind: "switch", value: false}};

  build() {
    /** @type {ReturnType<typeof import("./probes.js").journey> | undefined} */
    this.found = undefined;
    this.asking = new Asking((found, done) => { if (done) this.found = found; this.redraw(); },
      error => this.fail(error));
    this.network = choice(NETWORKS, this.value("network"), v => this.set("network", v));
    this.position = slider({min: 1, max: LENGTH, step: 1}, this.value("position"), v => this.set("position", v));
    this.at = slider({min: 0, max: DELAY + 2 * LENGTH - 1, step: 1}, this.value("step"), v => this.set("step", v));
    this.matched = toggle("backpropagation's direction, made as long as target propagation's",
      this.value("matched"), v => this.set("matched", v));
    const point = {pointerdown: (/** @type {PointerEvent} */ e) => this.point(e),
      pointermove: (/** @type {PointerEvent} */ e) => { if (e.buttons) this.point(e); }};
    this.size = make("canvas", {role: "img", aria: {label: "Size"}, on: point});
    this.effect = make("canvas", {role: "img", aria: {label: "Effect"}, on: point});
    this.numbers = make("dl", {className: "numbers", style: {margin: "0"}});
    return [
      make("div", {className: "controls"}, labelled("Network", this.network),
        labelledSlider("Recalled symbol, 1 to 10", this.position), labelledSlider("Step looked at", this.at)),
      this.numbers,
      make("div", {className: "charts", style: {"grid-template-columns": "minmax(0, 1fr)"}},
        make("figure", {}, make("figcaption", {}, "Size ",
          make("span", {}, "of what reaches each step, 1 where the symbol is due; its median")), this.size),
        make("figure", {}, make("figcaption", {}, "Effect ",
          make("span", {}, "on that symbol's loss, in nats, when this step's state moves so; below zero is better")),
          this.effect)),
      make("div", {className: "row", style: {"flex-wrap": "wrap"}},
        make("span", {className: "hint bp"}, "━ backpropagation"),
        make("span", {className: "hint tp"}, "╍ target propagation"),
        this.matched.label)];
  }

  begin() { this.ask(); }

  async ask() {
    const name = this.value("network"), position = this.value("position") - 1;
    this.found = undefined;
    try {
      const [net, inverse] = await Promise.all([loadNetwork(name), loadInverse(name)]);
      if (name !== this.value("network") || position !== this.value("position") - 1) return;
      this.asking?.ask({kind: "journey", net, inverse,
        options: {position, delay: DELAY, stepSize: STEP_SIZE}});
    } catch (error) { this.fail(error); }
  }

  /** @param {string} name */
  changed(name) {
    if (name === "network" || name === "position") this.ask();
    this.redraw();
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (this.frame) this.set("step", Math.round(this.frame.value(event.offsetX)));
  }

  draw() {
    if (this.network) this.network.value = this.value("network");
    this.position?.show(this.value("position"));
    this.at?.show(this.value("step"));
    if (this.matched) this.matched.input.checked = this.value("matched");
    const colors = colorsOf(this), {found, size, effect} = this;
    if (!size || !effect) return;
    const last = DELAY + 2 * LENGTH - 1;
    /** @param {number[]} list @returns {[number, number][]} */
    const points = list => list.map((v, t) => [t, v]);
    const lines = (/** @type {"size" | "effect"} */ key) => !found ? [] : [
      {points: points(found.bp[key]), color: colors.bp},
      {points: points(found.tp[key]), color: colors.tp, dash: [6, 3]},
      ...(this.value("matched") && key === "effect"
        ? [{points: points(found.matched[key]), color: colors.bp, dash: [2, 3]}] : [])];
    /** @type {[number, number, string][]} */
    const bands = [[0, LENGTH - 1, "symbols"], [DELAY + LENGTH, last, "recall"]];
    const x = {min: 0, max: last, ticks: [0, 5, 10, 15, 20, 25, 30], label: "step"}, mark = this.value("step");
    this.frame = chart(size, 210, x, {min: 1e-3, max: 100, log: true}, lines("size"), colors,
      {mark, bands});
    chart(effect, 210, x, {min: -0.8, max: 0.8, ticks: [-0.5, 0, 0.5]}, lines("effect"), colors,
      {mark, bands, level: ["no effect", 0]});
    this.tell(mark);
  }

  /** @param {number} t */
  tell(t) {
    const {found} = this, name = this.value("network"), p = this.value("position");
    const who = name === "untrained" ? "an untrained network" : name;
    const size = (/** @type {number} */ v) => !Number.isFinite(v) ? "–"
      : v >= 0.01 ? v.toPrecision(2) : v.toExponential(0);
    const nats = (/** @type {number} */ v) => !Number.isFinite(v) ? "–"
      : `${v > 0 ? "+" : v < 0 ? "−" : ""}${Math.abs(v).toFixed(2)}`;
    const rows = /** @type {[string, string, string][]} */ (!found ? [] : [
      ["bp", "BP's size", size(found.bp.size[t])], ["tp", "TP's size", size(found.tp.size[t])],
      ["bp", "BP's effect, nats", nats(found.bp.effect[t])], ["tp", "TP's effect, nats", nats(found.tp.effect[t])],
      ...(this.value("matched") ? [["bp", "BP at TP's length", nats(found.matched.effect[t])]] : [])]);
    this.numbers?.replaceChildren(...rows.map(([kind, words, value]) => make("div", {},
      make("dt", {}, words), make("dd", {className: kind}, value))));
    const words = rows.map(([, what, value]) => `${what} ${value}`);
    this.size?.setAttribute("aria-label", `Size at step ${t}: ${words.slice(0, 2).join(", ")}`);
    this.effect?.setAttribute("aria-label", `Effect at step ${t}: ${words.slice(2).join(", ")}`);
    if (!found) return this.say("On its way back …");
    const due = DELAY + LENGTH + p - 1;
    if (t > due) return this.say(`Symbol ${p} is due at step ${due}: nothing is sent back to step ${t}`);
    this.say(`From symbol ${p} of ${who}, ${size(found.bp.size[t])} of the gradient and `
      + `${size(found.tp.size[t])} of the displacement reach step ${t}`);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.asking?.stop();
  }
}

customElements.define("copymem-journey", Journey);
