// @ts-check
// All of the numerics under one name. None of these modules knows of a page.
export * from "./task.js";
export * from "./products.js";
export * from "./rnn.js";
export * from "./rules.js";
export * from "./adam.js";
export * from "./read.js";
export * from "./trainer.js";
export * from "./probes.js";
