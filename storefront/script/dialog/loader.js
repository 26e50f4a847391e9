// The first file, as the second one sees it.

/** What it does for us. @type {Loader} */
export let loader;

/** @param {Loader} given */
export function meet(given) {
  loader = given;
}
