// @ts-check
// Canvas: tokens, state maps and charts. Arrays in, pixels out; nothing here knows a network.
import {BLANK, GO} from "./task.js";
import {TOKENS, TOKEN_INKS} from "./theme.js";

/** @typedef {ReturnType<import("./theme.js").colorsOf>} Colors */
/** @typedef {{x: number, y: number, w: number, h: number}} Box */

const FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** The fill and ink of a token. @param {number} token @param {Colors} colors */
export function tokenColors(token, colors) {
  if (token === BLANK) return [colors.blank, colors["blank-ink"]];
  if (token === GO) return [colors.go, colors["go-ink"]];
  return [TOKENS[token], TOKEN_INKS[token]];
}

/** A canvas made as fine as the screen, and what draws on it in CSS pixels.
 * @param {HTMLCanvasElement} canvas @param {number} height */
export function prepare(canvas, height) {
  const fine = Math.min(3, devicePixelRatio || 1), width = Math.max(1, canvas.clientWidth);
  canvas.style.height = `${height}px`;
  const w = Math.round(width * fine), h = Math.round(height * fine);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.setTransform(fine, 0, 0, fine, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return {ctx, width, height};
}

/** @param {CanvasRenderingContext2D} ctx @param {string} words @param {number} x @param {number} y
 * @param {string} color @param {{size?: number, weight?: number, align?: CanvasTextAlign,
 *   base?: CanvasTextBaseline}} [look] */
export function write(ctx, words, x, y, color, look = {}) {
  ctx.font = `${look.weight ?? 400} ${look.size ?? 12}px ${FONT}`;
  ctx.textAlign = look.align ?? "left";
  ctx.textBaseline = look.base ?? "middle";
  ctx.fillStyle = color;
  ctx.fillText(words, x, y);
}

/** A row of tokens; `dim` says from which step on they are faint, `wanted` marks mistakes.
 * @param {CanvasRenderingContext2D} ctx @param {Box} box @param {ArrayLike<number>} row
 * @param {Colors} colors @param {{dim?: number, wanted?: ArrayLike<number>}} [options] */
export function tokenRow(ctx, box, row, colors, {dim = Infinity, wanted} = {}) {
  const wide = box.w / row.length, gap = wide > 7 ? Math.min(2, wide * 0.12) : 0;
  for (let t = 0; t < row.length; t++) {
    const x = box.x + t * wide + gap / 2, w = wide - gap;
    const [fill, ink] = tokenColors(row[t], colors);
    ctx.globalAlpha = t >= dim ? 0.22 : 1;
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.roundRect(x, box.y, w, box.h, Math.min(4, w * 0.28));
    ctx.fill();
    if (wide >= 13) {
      write(ctx, String(row[t]), x + w / 2, box.y + box.h / 2 + 0.5, ink,
        {size: Math.min(12.5, wide * 0.62), weight: row[t] === BLANK ? 400 : 700, align: "center"});
    }
    if (wanted && wanted[t] !== row[t]) cross(ctx, x + w / 2, box.y + box.h + 6, colors.wrong, wide);
  }
  ctx.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y
 * @param {string} color @param {number} wide */
function cross(ctx, x, y, color, wide) {
  const r = Math.max(1.5, Math.min(3.2, wide / 4));
  ctx.strokeStyle = color;
  ctx.lineWidth = Math.max(1.2, r / 2);
  ctx.beginPath();
  ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r);
  ctx.moveTo(x - r, y + r); ctx.lineTo(x + r, y - r);
  ctx.stroke();
}

/** @param {string} hex @returns {[number, number, number]} */
function rgb(hex) {
  const n = parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** The colour of each state from -1 to 1: 256 of them, three bytes each. @param {Colors} colors */
function stateColors(colors) {
  const stops = [0, 1, 2, 3, 4].map(i => rgb(/** @type {any} */ (colors)[`map-${i}`]));
  const out = new Uint8Array(768);
  for (let i = 0; i < 256; i++) {
    const at = i / 255 * 4, k = Math.min(3, Math.floor(at));
    for (let c = 0; c < 3; c++) out[3 * i + c] = stops[k][c] + (at - k) * (stops[k + 1][c] - stops[k][c]);
  }
  return out;
}

/** States (steps, units) as a heat map, steps rightward and units down; faint from step `dim` on.
 * @param {CanvasRenderingContext2D} ctx @param {Box} box @param {Float32Array} states
 * @param {number} units @param {Colors} colors @param {number} [dim] */
export function stateMap(ctx, box, states, units, colors, dim = Infinity) {
  const steps = states.length / units, image = new ImageData(steps, units), map = stateColors(colors);
  for (let t = 0; t < steps; t++) {
    for (let j = 0; j < units; j++) {
      const k = 3 * Math.round(127.5 * (1 + states[t * units + j])), to = 4 * (j * steps + t);
      image.data[to] = map[k]; image.data[to + 1] = map[k + 1]; image.data[to + 2] = map[k + 2];
      image.data[to + 3] = t >= dim ? 56 : 255;
    }
  }
  const small = document.createElement("canvas");
  small.width = steps; small.height = units;
  /** @type {CanvasRenderingContext2D} */ (small.getContext("2d")).putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, box.x, box.y, box.w, box.h);
}

/** @typedef {{min: number, max: number, log?: boolean, ticks?: number[], label?: string,
 *   words?: (v: number) => string}} Axis */
/** @typedef {{points: [number, number][], color: string, dash?: number[], label?: string,
 *   width?: number, dots?: boolean}} Line */

/** Where a value lies on an axis, 0 to 1. @param {Axis} axis @param {number} v */
function place(axis, v) {
  const f = axis.log ? Math.log10 : (/** @type {number} */ u) => u;
  return (f(Math.max(v, axis.log ? 1e-300 : -Infinity)) - f(axis.min)) / (f(axis.max) - f(axis.min));
}

/** Round numbers along an axis. @param {Axis} axis @param {number} most */
function ticksOf(axis, most) {
  if (axis.ticks) return axis.ticks;
  if (axis.log) {
    const from = Math.ceil(Math.log10(axis.min)), to = Math.floor(Math.log10(axis.max));
    const stride = Math.max(1, Math.ceil((to - from) / most));
    return Array.from({length: Math.floor((to - from) / stride) + 1}, (_, i) => 10 ** (from + i * stride));
  }
  const raw = (axis.max - axis.min) / most, unit = 10 ** Math.floor(Math.log10(raw));
  const stride = unit * ([1, 2, 2.5, 5, 10].find(m => m * unit >= raw) ?? 10);
  const first = Math.ceil(axis.min / stride - 1e-9);
  return Array.from({length: Math.floor(axis.max / stride + 1e-9) - first + 1}, (_, i) => (first + i) * stride);
}

/** @param {number} v */
const plain = v => Math.abs(v) >= 1000 ? v.toLocaleString("en")
  : v !== 0 && Math.abs(v) < 1e-3 ? v.toExponential(0) : String(+v.toPrecision(3));

/** Lines over two axes that stay where they are.
 * @param {HTMLCanvasElement} canvas @param {number} height @param {Axis} x @param {Axis} y
 * @param {Line[]} lines @param {Colors} colors
 * @param {{level?: [string, number], mark?: number, bands?: [number, number, string][]}} [extra] */
export function chart(canvas, height, x, y, lines, colors, extra = {}) {
  const {ctx, width} = prepare(canvas, height), left = 40, right = 20, foot = x.label ? 36 : 22;
  const box = {x: left, y: 10, w: Math.max(10, width - left - right), h: height - 10 - foot};
  const at = (/** @type {number} */ u, /** @type {number} */ v) => /** @type {[number, number]} */ (
    [box.x + box.w * place(x, u), box.y + box.h * (1 - place(y, v))]);
  for (const [from, to, words] of extra.bands ?? []) {
    const [a] = at(from, y.min), [b] = at(to, y.min);
    ctx.fillStyle = colors.well;
    ctx.fillRect(a, box.y, b - a, box.h);
    if (b - a > 34) write(ctx, words, (a + b) / 2, box.y + 9, colors.quiet, {size: 11, align: "center"});
  }
  drawAxes(ctx, box, x, y, colors, at);
  if (extra.level) {
    const [, v] = at(x.min, extra.level[1]);
    stroke(ctx, [[box.x, v], [box.x + box.w, v]], colors.edge, [3, 4], 1.2);
    write(ctx, extra.level[0], box.x + box.w, v - 8, colors.quiet, {size: 11, align: "right"});
  }
  if (extra.mark !== undefined) {
    const [m] = at(extra.mark, y.min);
    stroke(ctx, [[m, box.y], [m, box.y + box.h]], colors.ink, [], 1.4);
  }
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.x - 4, box.y - 5, box.w + 8, box.h + 10);
  ctx.clip();
  for (const line of lines) {
    const points = line.points.filter(p => Number.isFinite(p[1])).map(([u, v]) => at(u, v));
    stroke(ctx, points, line.color, line.dash ?? [], line.width ?? 2.2);
    if (line.dots) for (const [u, v] of points) dot(ctx, u, v, 3, line.color, colors.card);
    else if (points.length) {
      const [u, v] = points[points.length - 1];
      dot(ctx, u, v, 3.2, line.color, colors.card);
    }
  }
  ctx.restore();
  return {box, value: (/** @type {number} */ px) => {
    const share = Math.min(1, Math.max(0, (px - box.x) / box.w));
    return x.log ? x.min * (x.max / x.min) ** share : x.min + share * (x.max - x.min);
  }};
}

/** @param {CanvasRenderingContext2D} ctx @param {Box} box @param {Axis} x @param {Axis} y
 * @param {Colors} colors @param {(u: number, v: number) => [number, number]} at */
function drawAxes(ctx, box, x, y, colors, at) {
  for (const v of ticksOf(y, 4)) {
    const [, py] = at(x.min, v);
    stroke(ctx, [[box.x, py], [box.x + box.w, py]], colors.line, [], 1);
    write(ctx, (y.words ?? plain)(v), box.x - 7, py, colors.quiet, {size: 11.5, align: "right"});
  }
  for (const u of ticksOf(x, Math.max(2, Math.floor(box.w / 70)))) {
    const [px] = at(u, y.min);
    stroke(ctx, [[px, box.y + box.h], [px, box.y + box.h + 4]], colors.edge, [], 1);
    write(ctx, (x.words ?? plain)(u), px, box.y + box.h + 13, colors.quiet, {size: 11.5, align: "center"});
  }
  stroke(ctx, [[box.x, box.y + box.h], [box.x + box.w, box.y + box.h]], colors.edge, [], 1);
  if (x.label) {
    write(ctx, x.label, box.x + box.w / 2, box.y + box.h + 29, colors.quiet, {size: 12, align: "center"});
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {[number, number][]} points @param {string} color
 * @param {number[]} dash @param {number} width */
function stroke(ctx, points, color, dash, width) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash);
  ctx.beginPath();
  points.forEach(([u, v], i) => i ? ctx.lineTo(u, v) : ctx.moveTo(u, v));
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} r
 * @param {string} color @param {string} halo */
function dot(ctx, x, y, r, color, halo) {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fillStyle = color;
  ctx.fill();
  ctx.strokeStyle = halo;
  ctx.lineWidth = 1.2;
  ctx.stroke();
}
