// Who may know the visitor's id: whoever asks, once the visitor has agreed to have one.

import { each } from "../shared/lists.js";
import { attempt } from "./careful.js";
import { importFile } from "./files.js";
import { note } from "./visitor.js";

/** @type {((visitor: string) => unknown)[]} */
let waiting = [];

/** @param {(visitor: string) => unknown} tell */
export function whenKnown(tell) {
  waiting[waiting.length] = tell;
  tellVisitor();
}

export function tellVisitor() {
  const { visitor } = note;
  if (!visitor) return;
  each(waiting, (tell) => attempt(() => tell(visitor)));
  waiting = [];
}

/** Shopify's orders say whose they are by what a file of its own leaves in the cart. */
export function watchPlatform() {
  if (window.Shopify) {
    whenKnown((visitor) => importFile(SHOPIFY_FILE).then((shopify) => shopify.leave(visitor), console.debug));
  }
}
