// @ts-check
// Elements made of properties and text. Nothing here reads markup.

/** @typedef {Node | string | number} Child */

let made = 0;

/** An identifier that no other call returns. */
export const uniqueId = () => `cm-${++made}`;

/** @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, any>} [properties] `on` holds listeners; `aria`, `style` and
 *   `data` their own names; what the element knows is set, the rest become attributes
 * @param {...Child} children strings become text
 * @returns {HTMLElementTagNameMap[T]} */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else if (name === "aria") {
      for (const [key, text] of Object.entries(value)) element.setAttribute(`aria-${key}`, String(text));
    } else if (name === "style") {
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, String(text));
    } else if (name in element) {
      /** @type {any} */ (element)[name] = value;
    } else element.setAttribute(name, String(value));
  }
  element.append(...children.map(child => child instanceof Node ? child : String(child)));
  return element;
}

/** A label above its control. @param {string} text @param {HTMLElement} control @param {string} [kind] */
export function labelled(text, control, kind = "") {
  control.id ||= uniqueId();
  return make("div", {className: `field ${kind}`}, make("label", {htmlFor: control.id}, text), control);
}

/** A choice. @param {[string, string][]} options value and words @param {string} value
 * @param {(value: string) => void} changed */
export function choice(options, value, changed) {
  const select = make("select", {on: {change: () => changed(select.value)}},
    ...options.map(([key, words]) => make("option", {value: key, selected: key === value}, words)));
  return select;
}

/** A slider with its number beside it. @param {{min: number, max: number, step: number}} range
 * @param {number} value @param {(value: number) => void} changed
 * @param {(value: number) => string} [words] how a value is said
 * @param {(position: number) => number} [scale] from the slider's position to its value */
export function slider(range, value, changed, words = String, scale = v => v) {
  const said = make("output", {className: "said"});
  const input = make("input", {type: "range", min: range.min, max: range.max, step: range.step});
  const tell = () => {
    said.textContent = words(scale(input.valueAsNumber));
    input.setAttribute("aria-valuetext", said.textContent);
  };
  /** @param {number} position */
  const show = position => { input.value = String(position); tell(); };
  input.addEventListener("input", () => { tell(); changed(scale(input.valueAsNumber)); });
  show(value);
  return {input, said, show};
}

/** A slider with its words above and its value beside it.
 * @param {string} words @param {ReturnType<typeof slider>} own */
export function labelledSlider(words, own) {
  const made = labelled(words, own.input, "wide");
  made.append(make("div", {className: "row"}, own.input, own.said));
  return made;
}

/** A switch. @param {string} text @param {boolean} value @param {(value: boolean) => void} changed */
export function toggle(text, value, changed) {
  const input = make("input", {type: "checkbox", checked: value,
    on: {change: () => changed(input.checked)}});
  return {input, label: make("label", {className: "toggle"}, input, make("span", {}, text))};
}

/** A button. @param {string} text @param {() => void} pressed @param {Record<string, any>} [more] */
export const button = (text, pressed, more = {}) =>
  make("button", {type: "button", on: {click: pressed}, ...more}, text);
