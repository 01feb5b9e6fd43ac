// @ts-check
// A worker that is asked one question at a time: an answer to an older one is not heard.

export class Asking {
  /** @param {(found: any, done: boolean) => void} heard @param {(error: Error) => void} failed */
  constructor(heard, failed) {
    /** @type {Worker | undefined} */
    this.worker = undefined;
    this.id = 0;
    this.heard = heard;
    this.failed = failed;
  }

  /** @param {Record<string, any>} question */
  ask(question) {
    this.worker ??= this.start();
    this.worker.postMessage({...question, id: ++this.id});
  }

  start() {
    const worker = new Worker(new URL("probe-worker.js", import.meta.url), {type: "module"});
    worker.onmessage = ({data}) => {
      if (data.id === this.id) this.heard(data.found, Boolean(data.done));
    };
    worker.onerror = error => this.failed(new Error(error.message || "the worker did not start"));
    return worker;
  }

  stop() {
    this.worker?.terminate();
    this.worker = undefined;
  }
}
