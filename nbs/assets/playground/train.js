// @ts-check
// Train it here: both rules from the same start, side by side, in two workers.
import {button, choice, labelled, make, toggle} from "./dom.js";
import {chart, prepare, stateMap, tokenRow, write} from "./draw.js";
import {Panel} from "./panel.js";
import {colorsOf} from "./theme.js";
import {seedCounts} from "./weights.js";

/** @typedef {"bp" | "tp"} Rule */
/** @import {Look} from "./trainer.js" */
/** @typedef {{look: Look, said: Uint8Array, wanted: Uint8Array, states: Float32Array,
 *   arrived: number, running: boolean}} Report */
/** @typedef {{worker: Worker | undefined, looks: Look[], report: Report | undefined}} Run */

/** @type {Rule[]} */
const RULES = ["bp", "tp"];
const TITLES = {bp: "Backpropagation", tp: "Target propagation"};
const PENALTY = 0.03;
// What the fields leave open. The step size and the noise are those of 15-tp.
const FIXED = {batch: 20, stepSize: 1.41, noise: 0.063, inverseRate: 3e-3, warmup: 100, clip: 1};
/** @type {{key: "recall" | "readable" | "slope", title: string, words: string, level?: [string, number]}[]} */
const CHARTS = [
  {key: "recall", title: "Recall", words: "share of symbols right", level: ["chance", 1 / 8]},
  {key: "readable", title: "Readable", words: "by a read-out fitted afresh", level: ["chance", 1 / 8]},
  {key: "slope", title: "Mean slope", words: "of the tanh"}];

/** @param {string[]} values @returns {[string, string][]} */
const plain = values => values.map(v => [v, v]);

class Train extends Panel {
  static kicker = "Train it here: both rules, the same start, in front of you";
  /** @type {Record<string, import("./state.js").Field>} */
  static fields = {
    penalty: {kind: "switch", value: false},
    unpushed: {kind: "switch", value: false},
    odd: {kind: "switch", value: false},
    units: {kind: "choice", of: ["16", "32", "48", "64", "96", "128"], value: "96"},
    delay: {kind: "choice", of: ["1", "2", "3", "5", "8", "10", "15", "20", "30"], value: "5"},
    rate: {kind: "choice", of: ["0.0005", "0.001", "0.0015", "0.002", "0.003", "0.005"], value: "0.0015"},
    silence: {kind: "choice", of: ["0", "0.03", "0.1", "0.3", "1"], value: "1"},
    start: {kind: "choice", of: ["standard", "quiet"], value: "standard"},
    seed: {kind: "whole", min: 0, max: 9999, value: 0}};

  build() {
    this.on = false;
    this.count().catch(() => {});  // the page does without
    /** @type {Record<Rule, Run>} */
    this.runs = {bp: {worker: undefined, looks: [], report: undefined},
      tp: {worker: undefined, looks: [], report: undefined}};
    this.play = button("Start", () => this.on ? this.pause() : this.run(), {className: "main"});
    this.one = button("25 updates", () => this.oneLook());
    this.penalty = toggle("with an activity penalty of 0.03", this.value("penalty"), v => this.set("penalty", v));
    this.unpushed = toggle("without the push that all share", this.value("unpushed"),
      v => this.set("unpushed", v));
    this.odd = toggle("without its even part", this.value("odd"), v => this.set("odd", v));
    this.seed = make("input", {type: "number", min: 0, max: 9999, step: 1,
      on: {change: () => this.set("seed", this.seed?.valueAsNumber ?? 0)}});
    const field = (/** @type {string} */ words, /** @type {string} */ name) => {
      const of = /** @type {any} */ (Train.fields[name]).of;
      return labelled(words, choice(plain(of), this.value(name), v => this.set(name, v)));
    };
    /** @type {Record<string, HTMLElement>} */
    const status = this.status = {};
    /** @type {Record<string, HTMLCanvasElement>} */
    const canvases = this.canvases = {};
    const switches = {bp: [this.penalty.label, this.unpushed.label], tp: [this.odd.label]};
    const side = (/** @type {Rule} */ rule) => make("figure", {},
      make("figcaption", {className: rule, style: {"font-size": "16px"}}, TITLES[rule]),
      status[rule] = make("div", {className: "hint"}), ...switches[rule],
      canvases[rule] = make("canvas", {role: "img", aria: {label: `${TITLES[rule]}: answer and states`}}));
    this.fold = make("details", {}, make("summary", {}, "More to change"),
      make("div", {className: "controls"}, field("Units", "units"), field("Delay", "delay"),
        field("Rate of both", "rate"), field("Weight of the silence", "silence"),
        field("Start", "start"), labelled("Seed", this.seed)));
    return [
      make("div", {className: "row"}, this.play, this.one, button("Reset", () => this.reset())),
      make("div", {className: "charts"}, side("bp"), side("tp")),
      make("div", {className: "charts three"}, ...CHARTS.map(({key, title, words}) => make("figure", {},
        make("figcaption", {}, `${title} `, make("span", {}, words)),
        canvases[key] = make("canvas", {role: "img", aria: {label: title}})))),
      this.fold];
  }

  /** What a rule's run is made of. @param {Rule} rule */
  settings(rule) {
    return {...FIXED, rule, units: Number(this.value("units")), delay: Number(this.value("delay")),
      rate: Number(this.value("rate")), silence: Number(this.value("silence")),
      start: this.value("start"), seed: this.value("seed"),
      activity: rule === "bp" && this.value("penalty") ? PENALTY : 0,
      unpushed: rule === "bp" && this.value("unpushed"), odd: rule === "tp" && this.value("odd")};
  }

  /** Both runs at their beginning. Workers are made when they are first needed. */
  reset() {
    this.on = false;
    for (const rule of RULES) this.resetOne(rule);
    this.redraw();
  }

  /** @param {Rule} rule */
  resetOne(rule) {
    const run = /** @type {Record<Rule, Run>} */ (this.runs)[rule];
    run.looks = [];
    run.report = undefined;
    run.worker?.terminate();
    const worker = run.worker = new Worker(new URL("train-worker.js", import.meta.url), {type: "module"});
    worker.onmessage = ({data}) => this.hear(rule, data);
    worker.onerror = error => this.fail(new Error(error.message || "the worker did not start"));
    worker.postMessage({kind: "reset", settings: this.settings(rule)});
  }

  /** @param {Record<string, any>} message */
  tellWorkers(message) {
    for (const rule of RULES) this.runs?.[rule].worker?.postMessage(message);
  }

  begin() { this.ready(); }

  ready() { if (!this.runs?.bp.worker) this.reset(); }

  run() {
    this.ready();
    this.on = true;
    this.tellWorkers({kind: "run"});
    this.redraw();
  }

  pause() {
    this.on = false;
    this.tellWorkers({kind: "pause"});
    this.redraw();
  }

  oneLook() {
    this.ready();
    this.on = false;
    this.tellWorkers({kind: "step"});
    this.redraw();
  }

  /** @param {Rule} rule @param {Report} report */
  hear(rule, report) {
    const runs = /** @type {Record<Rule, Run>} */ (this.runs);
    runs[rule].report = report;
    runs[rule].looks.push(report.look);
    if (this.on && report.look.update && RULES.every(r => runs[r].report && !runs[r].report?.running
      && runs[r].report?.look.update)) this.on = false;
    this.redraw();
  }

  /** A changed setting begins its run anew; what the other rule does not hear of leaves it alone.
   * @param {string} name */
  changed(name) {
    const on = this.on;
    if (!this.runs?.bp.worker) return this.redraw();
    if (name === "penalty" || name === "unpushed") this.resetOne("bp");
    else if (name === "odd") this.resetOne("tp");
    else this.reset();
    if (on) this.run();
    this.redraw();
  }

  draw() {
    const colors = colorsOf(this), runs = /** @type {Record<Rule, Run>} */ (this.runs);
    if (this.play) this.play.textContent = this.on ? "Pause" : runs.bp.looks.length > 1 ? "Go on" : "Start";
    if (this.penalty) this.penalty.input.checked = this.value("penalty");
    if (this.unpushed) this.unpushed.input.checked = this.value("unpushed");
    if (this.odd) this.odd.input.checked = this.value("odd");
    if (this.seed && this.shadowRoot?.activeElement !== this.seed) this.seed.value = this.value("seed");
    for (const rule of RULES) this.drawSide(rule, colors);
    const most = Math.max(...RULES.map(rule => runs[rule].looks.at(-1)?.update ?? 0));
    let end = 1000;
    while (end < most) end *= 2;
    for (const {key, title, level} of CHARTS) {
      const lines = RULES.map(rule => ({color: colors[rule], dash: rule === "bp" ? [] : [6, 3],
        points: runs[rule].looks.map(l => /** @type {[number, number]} */ ([l.update, l[key]]))}));
      const canvas = /** @type {Record<string, HTMLCanvasElement>} */ (this.canvases)[key];
      chart(canvas, 168, {min: 0, max: end, label: "updates"}, {min: 0, max: 1}, lines, colors, {level});
      canvas.setAttribute("aria-label", `${title}: ${RULES.map(rule => `${TITLES[rule]} `
        + (runs[rule].looks.at(-1)?.[key].toFixed(2) ?? "not begun")).join(", ")}`);
    }
    this.tell(runs);
  }

  /** @param {Rule} rule @param {ReturnType<typeof colorsOf>} colors */
  drawSide(rule, colors) {
    const {report, looks} = /** @type {Record<Rule, Run>} */ (this.runs)[rule], last = looks.at(-1);
    const status = /** @type {Record<string, HTMLElement>} */ (this.status)[rule];
    status.textContent = !last ? "not begun" : report?.arrived
      ? `arrived after ${report.arrived.toLocaleString("en")} updates`
      : `${last.update.toLocaleString("en")} updates, recall ${Math.round(100 * last.recall)}%`;
    const canvas = /** @type {Record<string, HTMLCanvasElement>} */ (this.canvases)[rule];
    const {ctx, width} = prepare(canvas, 178);
    if (!report) {
      ctx.fillStyle = colors.well;
      ctx.fillRect(0, 26, width, 132);
      write(ctx, "its states will stand here", width / 2, 92, colors.quiet, {align: "center"});
      return;
    }
    tokenRow(ctx, {x: 0, y: 0, w: width, h: 16}, report.said, colors, {wanted: report.wanted});
    const units = report.states.length / report.said.length;
    stateMap(ctx, {x: 0, y: 28, w: width, h: 130}, report.states, units, colors);
    write(ctx, `its answer, and its ${units} units step by step`, 0, 169, colors.quiet, {size: 11.5});
    canvas.setAttribute("aria-label", `${TITLES[rule]} answers ${[...report.said].slice(-10).join(" ")}, `
      + `expected ${[...report.wanted].slice(-10).join(" ")}`);
  }

  /** @param {Record<Rule, Run>} runs */
  tell(runs) {
    const {bp, tp} = runs, there = (/** @type {Run} */ run) => run.report?.arrived ?? 0;
    const share = (/** @type {Run} */ run) => `${Math.round(100 * (run.looks.at(-1)?.recall ?? 0))}%`;
    const stand = (/** @type {Run} */ run, /** @type {string} */ name) => there(run)
      ? `${name} has arrived after ${there(run).toLocaleString("en")} updates` : `${name} is at ${share(run)}`;
    const begun = (bp.looks.at(-1)?.update ?? 0) > 0 || (tp.looks.at(-1)?.update ?? 0) > 0;
    this.say(!begun ? "Two rules, one network: which of them keeps its memory?"
      : `${stand(bp, "Backpropagation")}; ${stand(tp, "target propagation")}`);
    const {units, delay} = this.state?.values ?? {};
    this.note(`${units} units, delay ${delay}, seed ${this.value("seed")}, batches of ${FIXED.batch}. `
      + `Arrived: recall of 99%. ${this.counted ?? ""}`);
  }

  /** What twenty seeds did at the first settings, counted beforehand. */
  async count() {
    const {bp, tp, ...of} = await seedCounts();
    const share = (/** @type {[number, number]} */ [there, n]) => `${there} of ${n}`;
    this.counted = "Within 3,000 updates at 96 units and delay 5, counted beforehand: backpropagation "
      + `arrives on ${share(bp)} seeds, with the penalty on ${share(of["bp-penalty"])}, without the `
      + `push on ${share(of["bp-unpushed"])}, target propagation on ${share(tp)}, without its even `
      + `part on ${share(of["tp-odd"])}.`;
    this.tell(this.runs);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const rule of RULES) {
      const run = this.runs?.[rule];
      run?.worker?.terminate();
      if (run) run.worker = undefined;
    }
  }
}

customElements.define("copymem-train", Train);
