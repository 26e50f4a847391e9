// The second file of the script: what watches the shopper and draws the popup, for pages on which one could show. The
// loader decides and reports; it knows of this file what is exported here, and this file of the loader what Loader says.

import { hindrance } from "../signs/busy.js";
import { arrive, watch } from "../signs/watch.js";
import { bringDue } from "./codes.js";
import { bringUp } from "./decision.js";
import { meet } from "./loader.js";
import { showPreview } from "./showing.js";

/** @type {Part} */
const part = { meet, watch, arrive, hindrance, bringUp, bringDue, showPreview };

export default part;
