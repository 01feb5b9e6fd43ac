// @ts-check
// Recall: a trained network hears ten symbols, waits, and repeats what it can.
import {button, choice, labelled, make, slider} from "./dom.js";
import {prepare, stateMap, tokenColors, tokenRow, write} from "./draw.js";
import {Panel, still} from "./panel.js";
import {likeliest, logitsOf, softmax, statesOf} from "./rnn.js";
import {BLANK, GO, LENGTH, N_SYMBOLS, Random, VOCAB, encode} from "./task.js";
import {colorsOf} from "./theme.js";
import {NAMES, loadNetwork} from "./weights.js";

const SAMPLE = "7423633513";
const LABELS = ["hears", "expected", "answers"];

/** @param {number} token */
const named = token => token === BLANK ? "blank" : token === GO ? "the recall signal" : String(token);

class Recall extends Panel {
  static kicker = "Recall: a network hears ten symbols, waits, and repeats them";
  /** @type {Record<string, import("./state.js").Field>} */
  static fields = {
    network: {kind: "choice", of: NAMES.map(([name]) => name), value: "15-tp"},
    delay: {kind: "whole", min: 1, max: 1000, value: 15},
    symbols: {kind: "symbols", value: SAMPLE},
    step: {kind: "whole", min: 0, max: 1020, value: 1020}};

  build() {
    this.random = new Random(Date.now());
    this.timer = 0;
    this.network = choice(NAMES, this.value("network"), name => this.set("network", name));
    this.delay = make("input", {type: "number", min: 1, max: 1000, step: 1,
      on: {input: () => this.typedDelay()}});
    this.symbols = make("input", {type: "text", className: "symbols", inputMode: "numeric",
      maxLength: 10, autocomplete: "off", spellcheck: false, on: {input: () => this.typed()}});
    this.hint = make("p", {className: "hint", hidden: true});
    this.play = button("Run", () => this.timer ? this.pause() : this.run(), {className: "main"});
    this.at = slider({min: 0, max: 34, step: 1}, 34, step => { this.pause(); this.set("step", step); });
    this.at.input.setAttribute("aria-label", "Step");
    this.canvas = make("canvas", {role: "img", aria: {label: "The sequence, step by step"}, on: {
      pointerdown: (/** @type {PointerEvent} */ e) => this.point(e),
      pointermove: (/** @type {PointerEvent} */ e) => { if (e.buttons) this.point(e); }}});
    this.ten = make("div", {className: "ten"});
    this.score = make("div", {className: "score"});
    this.odds = make("div", {className: "odds", role: "img", aria: {label: "Probabilities"}});
    this.oddsTitle = make("figcaption", {});
    return [
      make("div", {className: "controls"},
        labelled("Network", this.network),
        labelled("Delay, in steps", this.delay),
        make("div", {className: "row"}, labelled("Ten symbols, 0 to 7", this.symbols),
          button("Shuffle", () => this.shuffle(), {style: {"align-self": "end"}}))),
      this.hint,
      make("div", {className: "answer"}, this.ten, this.score),
      make("div", {className: "timeline"}, this.canvas),
      make("div", {className: "row"}, this.play,
        button("Step", () => { this.pause(); this.go(1); }), this.at.input, this.at.said),
      make("figure", {}, this.oddsTitle, this.odds)];
  }

  begin() { this.compute(); }

  get steps() { return this.value("delay") + 2 * LENGTH; }
  get step() { return Math.min(this.value("step"), this.steps - 1); }

  /** Asks the network. The newest question wins, however long each takes to load. */
  async compute() {
    const name = this.value("network"), delay = this.value("delay"), symbols = this.value("symbols");
    this.batch = encode(Uint8Array.from(symbols, Number), delay);
    try {
      const net = await loadNetwork(name);
      if (name !== this.value("network")) return;
      const batch = this.batch;
      this.net = net;
      this.states = statesOf(net, batch);
      this.odd = logitsOf(net, this.states, net.hidden, batch.steps);
      softmax(this.odd);
      this.said = likeliest(this.odd);
      this.redraw();
    } catch (error) { this.fail(error); }
  }

  /** @param {string} name */
  changed(name) {
    if (name === "step") return this.redraw();
    this.pause();
    if (name === "delay") this.set("step", 1020);
    this.compute();
    this.redraw();
  }

  typed() {
    const text = this.symbols?.value ?? "", fits = /^[0-7]{10}$/.test(text);
    this.explain(fits ? "" : /[^0-7]/.test(text) ? "Only the symbols 0 to 7 can be asked for."
      : `${text.length} of ten symbols.`);
    this.symbols?.setAttribute("aria-invalid", String(!fits));
    if (fits) this.set("symbols", text);
  }

  typedDelay() {
    const delay = this.delay?.valueAsNumber ?? NaN;
    const fits = Number.isInteger(delay) && delay >= 1 && delay <= 1000;
    this.explain(fits ? "" : "The delay is a whole number from 1 to 1,000.");
    this.delay?.setAttribute("aria-invalid", String(!fits));
    if (fits) this.set("delay", delay);
  }

  /** @param {string} words */
  explain(words) {
    if (!this.hint) return;
    this.hint.textContent = words;
    this.hint.hidden = !words;
  }

  shuffle() {
    const random = /** @type {Random} */ (this.random);
    this.explain("");
    this.set("symbols", Array.from({length: LENGTH}, () => random.below(N_SYMBOLS)).join(""));
  }

  /** @param {number} by */
  go(by) { this.set("step", Math.max(0, Math.min(this.steps - 1, this.step + by))); }

  /** From the beginning, or from where it was stopped; some six seconds however long the wait. */
  run() {
    if (this.step >= this.steps - 1) this.set("step", 0);
    if (still()) return this.set("step", this.steps - 1);
    const pace = Math.max(1000 / 60, Math.min(190, 6000 / this.steps));
    const stride = Math.max(1, Math.round(this.steps * pace / 6000));
    this.timer = window.setInterval(() => {
      this.go(stride);
      if (this.step >= this.steps - 1) this.pause();
    }, pace);
    this.redraw();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.redraw();
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (!this.box) return;
    this.pause();
    const share = (event.offsetX - this.box.x) / this.box.w;
    this.set("step", Math.max(0, Math.min(this.steps - 1, Math.floor(share * this.steps))));
  }

  draw() {
    const {network, delay, symbols, at, play} = this;
    if (!network || !delay || !symbols || !at || !play) return;
    const field = this.shadowRoot?.activeElement;
    network.value = this.value("network");
    if (field !== delay) delay.value = this.value("delay");
    if (field !== symbols) symbols.value = this.value("symbols");
    at.input.max = String(this.steps - 1);
    at.show(this.step);
    play.textContent = this.timer ? "Pause" : "Run";
    if (!this.said || !this.batch || this.said.length !== this.batch.steps) return;
    const colors = colorsOf(this);
    this.drawAnswer(colors);
    this.drawTimeline(colors);
    this.drawOdds(colors);
    this.tell();
  }

  /** How many answers of the `shown` recalled so far are right. */
  right() {
    const {said, batch} = this, first = this.steps - LENGTH;
    const shown = Math.max(0, this.step - first + 1);
    let right = 0;
    for (let i = 0; i < shown; i++) if (said?.[first + i] === batch?.y[first + i]) right += 1;
    return {right, shown};
  }

  tell() {
    const name = this.value("network"), {right, shown} = this.right();
    const kind = name.includes("-tp") ? "tp" : name.includes("-bp") ? "bp" : "";
    const who = name === "untrained-read" ? "The untrained network" : name;
    const delay = this.value("delay"), wait = `after a delay of ${delay.toLocaleString("en")}`;
    const many = right === LENGTH ? "all" : right ? `${right} of the` : "none of the";
    this.say(shown === LENGTH ? `${who} recalls ${many} ten symbols ${wait}`
      : shown ? `${who} has recalled ${right} of ${shown} so far`
      : this.step >= LENGTH ? `${who} is waiting` : `${who} is listening`, kind);
    const made = this.net?.delay ?? delay;
    this.note(made === delay ? "" : name === "untrained-read"
      ? `Its read-out was fitted at a delay of ${made}.`
      : `It was trained at a delay of ${made}, and nowhere else.`);
  }

  /** @param {ReturnType<typeof colorsOf>} colors */
  drawAnswer(colors) {
    const said = /** @type {Uint8Array} */ (this.said), first = this.steps - LENGTH;
    const y = /** @type {import("./task.js").Batch} */ (this.batch).y;
    const {right, shown} = this.right();
    const token = (/** @type {number} */ value, /** @type {string} */ kind = "") => {
      const [fill, ink] = tokenColors(value, colors);
      return make("div", {className: `token ${kind}`, style: {background: fill, color: ink}}, value);
    };
    const asked = [], answered = [], marks = [];
    for (let i = 0; i < LENGTH; i++) {
      const good = said[first + i] === y[first + i];
      asked.push(token(y[first + i]));
      answered.push(i < shown ? token(said[first + i], good ? "" : "wrong")
        : make("div", {className: "token none"}, "·"));
      marks.push(make("div", {className: "mark"}, i < shown && !good ? "✕" : ""));
    }
    const legend = (/** @type {string} */ words) => make("div", {className: "legend"}, words);
    this.ten?.replaceChildren(legend("asked"), ...asked, legend("answered"), ...answered,
      legend(""), ...marks);
    this.score?.replaceChildren(make("b", {}, `${right}`), make("span", {className: "hint"},
      shown === LENGTH ? "of 10 right" : `of ${shown} right`));
  }

  /** @param {ReturnType<typeof colorsOf>} colors */
  drawTimeline(colors) {
    const canvas = /** @type {HTMLCanvasElement} */ (this.canvas);
    const batch = /** @type {import("./task.js").Batch} */ (this.batch);
    const net = /** @type {import("./rnn.js").Network} */ (this.net);
    const said = /** @type {Uint8Array} */ (this.said), states = /** @type {Float32Array} */ (this.states);
    const narrow = canvas.clientWidth < 520, left = narrow ? 0 : 76;
    const tall = Math.max(14, Math.min(24, (canvas.clientWidth - left) / this.steps - 2));
    const pitch = tall + (narrow ? 24 : 12), map = narrow ? 120 : 168;
    const {ctx, width} = prepare(canvas, 4 + 3 * pitch + (narrow ? 34 : 24) + map + 22);
    const box = this.box = {x: left + 2, y: 4, w: width - left - 4, h: tall};
    const dim = this.step + 1;
    [batch.x, batch.y, said].forEach((row, i) => {
      const y = 4 + i * pitch + (narrow ? 16 : 0);
      this.label(ctx, LABELS[i], y + (narrow ? -8 : tall / 2), colors, narrow);
      tokenRow(ctx, {...box, y}, row, colors, {dim, wanted: i === 2 ? batch.y : undefined});
    });
    const y = 4 + 3 * pitch + (narrow ? 24 : 10);
    this.label(ctx, `${net.hidden} units`, y + (narrow ? -8 : map / 2), colors, narrow);
    stateMap(ctx, {...box, y, h: map}, states.subarray(net.hidden), net.hidden, colors, dim);
    this.drawAxis(ctx, box, y + map, colors);
    const wide = box.w / this.steps, x = box.x + this.step * wide;
    ctx.strokeStyle = colors.ink;
    ctx.lineWidth = wide < 5 ? 1 : 2;
    ctx.strokeRect(wide < 5 ? x + wide / 2 : x, 1, wide < 5 ? 0 : wide, y + map + 2);
    canvas.setAttribute("aria-label", this.words());
  }

  /** @param {CanvasRenderingContext2D} ctx @param {string} words @param {number} y
   * @param {ReturnType<typeof colorsOf>} colors @param {boolean} narrow */
  label(ctx, words, y, colors, narrow) {
    write(ctx, words, narrow ? 2 : 68, y, colors.quiet, {size: 12.5, align: narrow ? "left" : "right"});
  }

  /** @param {CanvasRenderingContext2D} ctx @param {{x: number, w: number}} box @param {number} y
   * @param {ReturnType<typeof colorsOf>} colors */
  drawAxis(ctx, box, y, colors) {
    const signal = this.value("delay") + LENGTH - 1, wide = box.w / this.steps, last = this.steps - 1;
    const end = box.x + box.w, look = {size: 11.5}, words = `recall signal, step ${signal}`;
    write(ctx, "step 0", box.x, y + 13, colors.quiet, look);
    write(ctx, String(last), end, y + 13, colors.quiet, {...look, align: "right"});
    const half = ctx.measureText(words).width / 2, room = ctx.measureText(String(last)).width + 12;
    const centre = Math.min(box.x + (signal + 0.5) * wide, end - room - half);
    write(ctx, words, centre, y + 13, colors.quiet, {...look, align: "center"});
  }

  /** The chosen step in words. */
  words() {
    const batch = /** @type {import("./task.js").Batch} */ (this.batch), t = this.step;
    const said = /** @type {Uint8Array} */ (this.said), good = said[t] === batch.y[t];
    return `Step ${t} of ${this.steps - 1}: hears ${named(batch.x[t])}, should say `
      + `${named(batch.y[t])}, says ${named(said[t])}${good ? "" : ", a mistake"}.`;
  }

  /** @param {ReturnType<typeof colorsOf>} colors */
  drawOdds(colors) {
    const odd = /** @type {Float32Array} */ (this.odd), t = this.step;
    const batch = /** @type {import("./task.js").Batch} */ (this.batch);
    this.oddsTitle?.replaceChildren(`Step ${t}: what it thinks it should say `,
      make("span", {}, `(expected: ${named(batch.y[t])})`));
    const bars = [], words = [];
    for (let v = 0; v < VOCAB; v++) {
      const p = odd[t * VOCAB + v], [fill, ink] = tokenColors(v, colors);
      const percent = `${Math.round(100 * p)}%`;
      words.push(`${named(v)} ${percent}`);
      bars.push(make("div", {className: `odd ${v === batch.y[t] ? "right" : ""}`},
        make("span", {className: "value"}, percent),
        make("div", {className: "bar"},
          make("i", {style: {height: `${100 * p}%`, background: v === BLANK ? colors.edge : fill}})),
        make("div", {className: "token", style: {background: fill, color: ink}}, v)));
    }
    this.odds?.replaceChildren(...bars);
    this.odds?.setAttribute("aria-label", `Probabilities at step ${t}: ${words.join(", ")}`);
    this.at?.input.setAttribute("aria-valuetext", this.words());
  }
}

customElements.define("copymem-recall", Recall);
