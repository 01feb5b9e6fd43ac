// @ts-check
// Networks as `python -m copymem.site weights` wrote them: half-precision numbers and an index.

/** @typedef {Record<string, number[]>} Shapes */
/** @typedef {{name: string, delay: number, hidden: number, arrays: Shapes, inverse?: Shapes}} Entry */

/** What a network is called in a list, in the list's order. @type {[string, string][]} */
export const NAMES = [
  ["15-tp", "15-tp: target propagation at 15"],
  ["15-bp", "15-bp: backpropagation at 15"],
  ["15-bp-penalty", "15-bp-penalty: with an activity penalty"],
  ["60-tp", "60-tp: target propagation at 60"],
  ["60-bp-penalty", "60-bp-penalty: with a penalty, at 60"],
  ["200-tp", "200-tp: target propagation at 200"],
  ["untrained-read", "untrained, its read-out fitted at 15"]];

/** @type {Map<string, Promise<any>>} */
const kept = new Map();

/** @template T @param {string} key @param {() => Promise<T>} load @returns {Promise<T>} */
function once(key, load) {
  if (!kept.has(key)) {
    const found = load();
    found.catch(() => kept.delete(key));
    kept.set(key, found);
  }
  return /** @type {Promise<T>} */ (kept.get(key));
}

/** @param {string} file @returns {Promise<Response>} */
async function get(file) {
  const answer = await fetch(new URL(`weights/${file}`, import.meta.url));
  if (!answer.ok) throw new Error(`weights/${file}: ${answer.status}`);
  return answer;
}

/** A float16 as a number. @param {number} bits */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** @param {string} file @param {Shapes} shapes @returns {Promise<Record<string, Float32Array>>} */
async function arrays(file, shapes) {
  const bytes = new DataView(await (await get(file)).arrayBuffer());
  const sizes = Object.values(shapes).map(shape => shape.reduce((a, b) => a * b, 1));
  if (bytes.byteLength !== 2 * sizes.reduce((a, b) => a + b, 0)) throw new Error(`${file} is damaged`);
  let at = 0;
  return Object.fromEntries(Object.keys(shapes).map((name, k) => {
    const out = new Float32Array(sizes[k]);
    for (let i = 0; i < out.length; i++, at += 2) out[i] = fromHalf(bytes.getUint16(at, true));
    return [name, out];
  }));
}

const theIndex = () => once("index", async () => (await get("index.json")).json());

/** How many seeds arrive at the first settings of copymem-train, of how many.
 * @returns {Promise<Record<string, [number, number]>>} */
export const seedCounts = async () => (await theIndex()).seeds;

/** @param {string} name @returns {Promise<Entry>} */
async function entryOf(name) {
  const index = await theIndex();
  const entry = index.networks.find((/** @type {Entry} */ e) => e.name === name);
  if (!entry) throw new Error(`there is no network ${name}`);
  return entry;
}

/** @param {string} name @returns {Promise<import("./rnn.js").Network & {delay: number}>} */
export const loadNetwork = name => once(name, async () => {
  const {arrays: shapes, hidden, delay} = await entryOf(name);
  return /** @type {any} */ ({hidden, delay, ...await arrays(`${name}.bin`, shapes)});
});

/** @param {string} name @returns {Promise<import("./rules.js").Inverse>} */
export const loadInverse = name => once(`${name}-inverse`, async () => {
  const {inverse} = await entryOf(name);
  if (!inverse) throw new Error(`${name} has no inverse here`);
  return /** @type {any} */ (await arrays(`${name}-inverse.bin`, inverse));
});
