// @ts-check
// Loads the elements that this page has, and nothing else.

for (const name of ["recall", "memory", "journey", "train"]) {
  if (document.querySelector(`copymem-${name}`)) import(`./${name}.js`);
}
