// @ts-check
// Answers the questions of copymem-memory and copymem-journey, the newest alone, off the page's thread.
import {journey, waiting} from "./probes.js";

let newest = 0;
const breath = () => new Promise(done => setTimeout(done));

/** @param {number} id @param {any} options */
async function wait(id, options) {
  let clock = performance.now();
  for (const found of waiting(options)) {
    if (found) postMessage({id, found});
    if (performance.now() - clock > 25) {
      await breath();
      if (id !== newest) return;
      clock = performance.now();
    }
  }
  postMessage({id, done: true});
}

addEventListener("message", ({data}) => {
  newest = data.id;
  if (data.kind === "waiting") wait(data.id, data.options);
  else postMessage({id: data.id, found: journey(data.net, data.inverse, data.options), done: true});
});
