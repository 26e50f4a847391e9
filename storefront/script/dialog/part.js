// The second file of the script: what watches the shopper and draws the popup, for pages on which one could show. The
// loader decides and reports; it knows of this file what is exported here, and this file of the loader what Loader says.

export { hindrance } from "../signs/busy.js";
export { arrive, watch } from "../signs/watch.js";
export { bringUp } from "./decision.js";
export { bringDue } from "./due.js";
export { meet } from "./loader.js";
export { preview } from "./showing.js";
