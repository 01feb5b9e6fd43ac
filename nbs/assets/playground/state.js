// @ts-check
// An element's state: described by fields, read from attributes and the address, and kept there.

/** @typedef {{kind: "choice", of: string[], value: string}
 *   | {kind: "whole" | "number", min: number, max: number, value: number}
 *   | {kind: "symbols", value: string} | {kind: "switch", value: boolean}} Field */
/** @typedef {string | number | boolean} Value */

/** What a text means for a field; undefined where it fits none of its values.
 * @param {Field} field @param {string | null} text @returns {Value | undefined} */
export function parse(field, text) {
  if (text === null || text.length > 40) return undefined;
  if (field.kind === "choice") return field.of.includes(text) ? text : undefined;
  if (field.kind === "symbols") return /^[0-7]{10}$/.test(text) ? text : undefined;
  if (field.kind === "switch") return text === "on" ? true : text === "off" ? false : undefined;
  const form = field.kind === "whole" ? /^\d{1,9}$/ : /^\d{1,6}(\.\d{1,9})?(e-?\d{1,2})?$/;
  const number = form.test(text) ? Number(text) : NaN;
  return number >= field.min && number <= field.max ? number : undefined;
}

/** @param {Value} value */
const written = value => value === true ? "on" : value === false ? "off" : String(value);

/** The values of some fields, each always within what its description allows. */
export class State {
  /** @param {string} scope what the address calls the element @param {Record<string, Field>} fields
   * @param {Element} element whose attributes are the defaults */
  constructor(scope, fields, element) {
    this.scope = scope;
    this.fields = fields;
    /** @type {Record<string, Value>} */
    this.defaults = {};
    for (const [name, field] of Object.entries(fields)) {
      this.defaults[name] = parse(field, element.getAttribute(name)) ?? field.value;
    }
    /** @type {Record<string, Value>} */
    this.values = {};
    this.timer = 0;
    this.read();
  }

  /** Takes over what the address says. */
  read() {
    const query = new URLSearchParams(location.search);
    for (const [name, field] of Object.entries(this.fields)) {
      const said = parse(field, query.get(`${this.scope}.${name}`));
      this.values[name] = said ?? this.defaults[name];
    }
  }

  /** Sets a value that fits; says whether anything changed. @param {string} name
   * @param {Value} value */
  set(name, value) {
    const fits = parse(this.fields[name], written(value));
    if (fits === undefined || fits === this.values[name]) return false;
    this.values[name] = fits;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.write(), 200);
    return true;
  }

  /** The page's address with this state in it. */
  address() {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(this.values)) {
      const key = `${this.scope}.${name}`;
      if (value === this.defaults[name]) url.searchParams.delete(key);
      else url.searchParams.set(key, written(value));
    }
    return url.href;
  }

  /** Puts the state into the address bar. */
  write() {
    clearTimeout(this.timer);
    try { history.replaceState(history.state, "", this.address()); } catch { /* a frame may not */ }
  }
}
