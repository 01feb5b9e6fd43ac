// @ts-check
// One run in a worker: updates in slices, a look every so many, and a word to the page after each.
import {likeliest, logitsOf, statesOf} from "./rnn.js";
import {encode} from "./task.js";
import {Trainer} from "./trainer.js";

const EVERY = 25;    // updates between looks
const ENOUGH = 0.99; // recall accuracy that ends a run

/** @type {Trainer | undefined} */
let trainer;
let running = false, turn = 0, arrived = 0, last = 20_000;

/** What the page draws. @param {Trainer} own */
function report(own) {
  const {net, settings} = own, look = own.look();
  const shown = encode(Uint8Array.of(7, 4, 2, 3, 6, 3, 3, 5, 1, 3), settings.delay);
  const states = statesOf(net, shown), said = likeliest(logitsOf(net, states, net.hidden, shown.steps));
  if (look.recall >= ENOUGH && !arrived) arrived = own.update;
  if (arrived || own.update >= last) running = false;
  postMessage({look, said, wanted: shown.y, states: states.slice(net.hidden), arrived, running});
}

/** Updates until the next look, in slices that leave time to hear the page. @param {number} mine */
async function go(mine) {
  while (trainer && mine === turn) {
    const until = performance.now() + 60;
    do trainer.step(); while (trainer.update % EVERY && performance.now() < until);
    if (trainer.update % EVERY === 0) {
      report(trainer);
      if (!running) return;
    }
    await new Promise(done => setTimeout(done));
  }
}

addEventListener("message", ({data}) => {
  if (data.kind === "reset") {
    turn += 1;
    running = false;
    arrived = 0;
    last = data.last ?? last;
    trainer = new Trainer(data.settings);
    report(trainer);
  } else if (data.kind === "run" && trainer && !arrived) {
    running = true;
    go(++turn);
  } else if (data.kind === "pause") {
    turn += 1;
    running = false;
  } else if (data.kind === "step" && trainer) {
    running = false;
    go(++turn);
  }
});
