// @ts-check
// What the four elements share: a frame, a state in the address, and drawing when it is needed.
import {button, make} from "./dom.js";
import {State} from "./state.js";
import {colorPage, sheet, watchTheme} from "./theme.js";

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** An element of the playground. Subclasses give `fields`, `kicker`, `build` and `draw`. */
export class Panel extends HTMLElement {
  /** @type {Record<string, import("./state.js").Field>} */
  static fields = {};
  static kicker = "";

  connectedCallback() {
    if (this.state) return this.watch();
    colorPage();
    const own = /** @type {typeof Panel} */ (this.constructor);
    const root = this.attachShadow({mode: "open"});
    root.adoptedStyleSheets = [sheet];
    this.state = new State(this.id || this.localName.replace("copymem-", ""), own.fields, this);
    this.finding = make("div", {className: "finding"});
    this.live = make("div", {className: "unseen", role: "status"});
    this.share = button("Copy a link to this", () => this.copyLink(), {className: "plain"});
    this.foot = make("footer", {}, make("p", {className: "hint"}), this.share);
    this.panel = make("section", {className: "panel", aria: {label: own.kicker.split(":")[0]}},
      make("header", {}, make("div", {className: "kicker"}, own.kicker), this.finding),
      ...this.build(), this.foot, this.live);
    root.append(this.panel);
    this.watch();
  }

  disconnectedCallback() {
    this.unwatch?.();
    this.pause();
  }

  /** Draws again when the theme or the width changes. */
  watch() {
    const size = new ResizeObserver(() => this.redraw());
    const theme = watchTheme(() => this.redraw());
    size.observe(/** @type {Element} */ (this.panel));
    const near = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      near.disconnect();
      this.begin();
    }, {rootMargin: "200px"});
    near.observe(this);
    this.unwatch = () => { size.disconnect(); near.disconnect(); theme(); };
    this.redraw();
  }

  /** The value of a field. @param {string} name @returns {any} */
  value(name) { return /** @type {State} */ (this.state).values[name]; }

  /** Sets a field; what follows from that is `changed`'s. @param {string} name
   * @param {import("./state.js").Value} value */
  set(name, value) {
    if (/** @type {State} */ (this.state).set(name, value)) this.changed(name);
  }

  /** Draws before the next frame, once however often it is asked. */
  redraw() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => { this.due = 0; if (this.isConnected) this.draw(); });
  }

  /** The words at the top; a screen reader hears them once they rest.
   * @param {string} words @param {string} [kind] class */
  say(words, kind = "") {
    const finding = /** @type {HTMLElement} */ (this.finding);
    finding.className = `finding ${kind}`;
    if (finding.textContent === words) return;
    finding.textContent = words;
    clearTimeout(this.saying);
    this.saying = window.setTimeout(() => {
      if (this.live) this.live.textContent = words;
    }, 900);
  }

  /** @param {string} words */
  note(words) { if (this.foot?.firstChild) this.foot.firstChild.textContent = words; }

  /** Something that was to be loaded is not there. @param {unknown} error */
  fail(error) {
    this.say("This did not load.");
    this.note(error instanceof Error ? error.message : "");
  }

  async copyLink() {
    this.state?.write();
    const share = /** @type {HTMLElement} */ (this.share);
    try {
      await navigator.clipboard.writeText(/** @type {State} */ (this.state).address());
      share.textContent = "Copied";
    } catch { share.textContent = "The link is in the address bar"; }
    setTimeout(() => { share.textContent = "Copy a link to this"; }, 2500);
  }

  /** What costs time waits until the element is about to be seen. */
  begin() {}
  /** @returns {Node[]} */
  build() { return []; }
  /** @param {string} name of the field that has changed */
  changed(name) { this.redraw(); }
  draw() {}
  pause() {}
}
