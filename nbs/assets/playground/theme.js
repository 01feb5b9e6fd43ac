// @ts-check
// The colours of the course in light and dark, and the one stylesheet of all elements.

const TAGS = ["copymem-recall", "copymem-memory", "copymem-journey", "copymem-train"];

// Tokens 0..7: P. Tol, muted. BP and TP: Okabe and Ito 2008, lighter where the page is dark.
export const TOKENS = ["#332288", "#88CCEE", "#44AA99", "#117733",
  "#DDCC77", "#CC6677", "#882255", "#AA4499"];
export const TOKEN_INKS = ["#fff", "#16181D", "#16181D", "#fff", "#16181D", "#16181D", "#fff", "#fff"];

const LIGHT = {
  page: "#FCFBF9", card: "#FFFFFF", ink: "#23262D", quiet: "#5C616A", line: "#E4E2DD",
  edge: "#8B9099", well: "#F4F2EE", bp: "#D55E00", tp: "#0072B2", "bp-ink": "#A84A00",
  "tp-ink": "#00639B", wrong: "#C8102E", blank: "#ECEBE8", "blank-ink": "#5C616A",
  go: "#16181D", "go-ink": "#FFFFFF", ring: "#FFFFFF",
  "map-0": "#0B4F7D", "map-1": "#5FA3CC", "map-2": "#F7F5F1", "map-3": "#E39A5B", "map-4": "#8F3B04"};
const DARK = {
  page: "#15171C", card: "#1C1F26", ink: "#ECEAE5", quiet: "#A9AEB8", line: "#343842",
  edge: "#747B88", well: "#252932", bp: "#F08A3C", tp: "#4FACE6", "bp-ink": "#F6A062",
  "tp-ink": "#76C0F0", wrong: "#FF6B7D", blank: "#2E323B", "blank-ink": "#A9AEB8",
  go: "#F7F5F0", "go-ink": "#16181D", ring: "#1C1F26",
  "map-0": "#8CD0FF", "map-1": "#2F78AB", "map-2": "#20242C", "map-3": "#B8652A", "map-4": "#FFB877"};

/** @param {Record<string, string>} colors */
const variables = colors =>
  Object.entries(colors).map(([name, value]) => `--cm-${name}: ${value};`).join(" ");

/** @param {string} before */
const all = (before = "") => TAGS.map(tag => before + tag).join(", ");

const colors = new CSSStyleSheet();
colors.replaceSync(`
${all()} { display: block; margin: 1.75rem 0; color-scheme: light; ${variables(LIGHT)} }
@media (prefers-color-scheme: dark) {
  ${all("body:not(.quarto-light) ")} { color-scheme: dark; ${variables(DARK)} }
}
${all("body.quarto-dark ")} { color-scheme: dark; ${variables(DARK)} }
`);

/** Makes the colours known to the page, once. */
export function colorPage() {
  if (document.adoptedStyleSheets.includes(colors)) return;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, colors];
}

/** The colours that an element has now, by name. @param {Element} element */
export function colorsOf(element) {
  const style = getComputedStyle(element);
  return /** @type {typeof LIGHT} */ (Object.fromEntries(Object.keys(LIGHT).map(
    name => [name, style.getPropertyValue(`--cm-${name}`).trim()])));
}

/** Calls back whenever light turns to dark or back or letters have come; returns what ends that.
 * @param {() => void} changed */
export function watchTheme(changed) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(changed);
  media.addEventListener("change", changed);
  document.fonts.addEventListener("loadingdone", changed);
  observer.observe(document.body, {attributes: true, attributeFilter: ["class"]});
  return () => { media.removeEventListener("change", changed); observer.disconnect();
    document.fonts.removeEventListener("loadingdone", changed); };
}

export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { font: 15px/1.45 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  color: var(--cm-ink); container-type: inline-size; }
:host([hidden]) { display: none; }
*, *::before { box-sizing: border-box; }
.panel { background: var(--cm-card); border: 1px solid var(--cm-line); border-radius: 14px;
  padding: clamp(14px, 3cqw, 26px); display: grid; gap: 18px; grid-template-columns: minmax(0, 1fr); }
header { display: grid; gap: 3px; }
.kicker { color: var(--cm-quiet); font-size: 13px; letter-spacing: .01em; }
.finding { font-size: clamp(18px, 3.1cqw, 23px); font-weight: 650; line-height: 1.25;
  letter-spacing: -.012em; text-wrap: balance; min-height: 1.25em; }
.controls { display: flex; flex-wrap: wrap; gap: 12px 18px; align-items: end; }
.field { display: grid; gap: 4px; min-width: 0; max-width: 100%; grid-template-columns: minmax(0, 1fr); }
.field.wide { flex: 1 1 190px; }
label, .legend { font-size: 13px; color: var(--cm-quiet); }
.row { display: flex; gap: 8px; align-items: center; min-width: 0; }
input, select, button { font: inherit; color: inherit; }
select { width: 100%; }
select, input[type=text], input[type=number] { background: var(--cm-well);
  border: 1px solid var(--cm-edge); border-radius: 8px; padding: 6px 10px; min-height: 38px;
  max-width: 100%; }
input[type=number] { width: 6.2em; font-variant-numeric: tabular-nums; }
input.symbols { width: 15ch; letter-spacing: .12em; padding-right: 4px;
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
input[aria-invalid=true] { border-color: var(--cm-wrong); outline-color: var(--cm-wrong); }
button { background: var(--cm-well); border: 1px solid var(--cm-edge); border-radius: 8px;
  padding: 6px 14px; min-height: 38px; cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--cm-ink); }
button.main { background: var(--cm-ink); border-color: var(--cm-ink); color: var(--cm-card);
  font-weight: 600; min-width: 92px; }
button:disabled { opacity: .45; cursor: default; }
button.plain { background: none; border: 0; padding: 4px 2px; min-height: 24px;
  color: var(--cm-quiet); font-size: 13px; text-decoration: underline; text-underline-offset: 3px; }
button.plain:hover { color: var(--cm-ink); }
:is(input, select, button, summary):focus-visible { outline: 2px solid var(--cm-tp); outline-offset: 2px; }
input[type=range] { width: 100%; min-width: 90px; height: 26px; margin: 0; accent-color: var(--cm-ink); }
.said { font-variant-numeric: tabular-nums; min-width: 3.4em; font-weight: 600; }
.toggle { display: inline-flex; gap: 8px; align-items: center; min-height: 30px; color: var(--cm-ink);
  font-size: 14px; cursor: pointer; }
.toggle input { width: 17px; height: 17px; margin: 0; accent-color: var(--cm-ink); flex: none; }
canvas { display: block; width: 100%; touch-action: pan-y; }
.hint { color: var(--cm-quiet); font-size: 13px; margin: 0; }
.hint.bad { color: var(--cm-wrong); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
footer { display: flex; flex-wrap: wrap; gap: 6px 18px; justify-content: space-between;
  align-items: center; border-top: 1px solid var(--cm-line); padding-top: 10px; }
.bp { color: var(--cm-bp-ink); } .tp { color: var(--cm-tp-ink); }
.token { display: grid; place-items: center; border-radius: 22%; aspect-ratio: 1; font-weight: 700;
  font-variant-numeric: tabular-nums; position: relative; }
.token.blank { background: var(--cm-blank); color: var(--cm-blank-ink); font-weight: 400; }
.token.go { background: var(--cm-go); color: var(--cm-go-ink); }
.token.none { background: none; border: 2px dotted var(--cm-line); color: transparent; }
.token.wrong { outline: 2.5px solid var(--cm-wrong); outline-offset: 2px; }
.answer { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 8px 26px; align-items: center; }
.ten { display: grid; justify-content: start; grid-template-columns: auto repeat(10, minmax(0, 42px));
  gap: 9px clamp(4px, 1.2cqw, 9px); align-items: center; font-size: clamp(14px, 2.4cqw, 18px); }
.ten .legend { padding-right: 6px; }
.ten .mark { text-align: center; color: var(--cm-wrong); font-weight: 700; font-size: 15px;
  line-height: 1; height: 15px; }
.score { text-align: right; }
.score b { font-size: clamp(30px, 6cqw, 46px); font-weight: 700; letter-spacing: -.03em; line-height: 1;
  font-variant-numeric: tabular-nums; display: block; }
.odds { display: grid; grid-template-columns: repeat(10, minmax(0, 1fr)); gap: clamp(3px, 1cqw, 10px);
  align-items: end; }
.odd { display: grid; gap: 4px; justify-items: center; font-size: 12px; font-variant-numeric: tabular-nums; }
.odd .bar { width: 100%; height: 64px; display: grid; align-items: end; background: var(--cm-well);
  border-radius: 4px; overflow: hidden; }
.odd .bar i { display: block; border-radius: 3px 3px 0 0; transition: height .12s; }
.odd .token { width: min(26px, 100%); font-size: 12px; }
.odd.right .bar { box-shadow: 0 0 0 2px var(--cm-ink); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 12px 20px; }
.numbers dt { color: var(--cm-quiet); font-size: 13px; }
.numbers dd { margin: 0; font-size: 25px; font-weight: 650; letter-spacing: -.02em; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.numbers dd small { display: block; font-size: 13px; font-weight: 400; color: var(--cm-quiet); letter-spacing: 0; }
.charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 270px), 1fr)); }
.charts.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 200px), 1fr)); }
figure { margin: 0; align-content: start; min-width: 0; display: grid; gap: 4px; }
.charts > figure { display: flex; flex-direction: column; }
.charts > figure > canvas { margin-top: auto; }
figcaption { font-size: 14px; font-weight: 600; }
figcaption span { font-weight: 400; color: var(--cm-quiet); }
details summary { cursor: pointer; color: var(--cm-quiet); font-size: 14px; width: fit-content; }
details[open] summary { margin-bottom: 12px; }
@container (max-width: 560px) {
  .answer { grid-template-columns: minmax(0, 1fr); }
  .ten { grid-template-columns: repeat(10, minmax(0, 1fr)); }
  .ten .legend { grid-column: 1 / -1; margin-bottom: -5px; }
  .score { text-align: left; display: flex; gap: 10px; align-items: baseline; }
  .odd .value { font-size: 11px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`);
