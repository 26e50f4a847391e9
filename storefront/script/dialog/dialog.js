// How a popup is drawn: in the browser's top layer, so that no z-index is above it. Colours, numbers and addresses are
// checked once more: an API that was tricked must still not be able to harm a shop.

import { paint } from "../shared/colours.js";
import { addButton, element } from "../shared/elements.js";
import { language } from "../shared/language.js";
import { addCard } from "./card.js";
import { closeByPressBeside, keepFocusInside } from "./closing.js";
import { fillWithOffer } from "./offer.js";
import { holdPage } from "./page.js";
import { addRoot } from "./root.js";
import { fillWithThanks } from "./thanks.js";
import { watchForView } from "./view.js";

/**
 * @param {Popup} popup
 * @param {Host} host
 * @returns {Card}
 */
export function open(popup, host) {
  const { words } = host;
  const { place, root } = addRoot();
  const dialog = element(root, "dialog", { lang: language(), tabIndex: -1, "aria-labelledby": "heading" });
  paint(dialog, popup);
  addButton(dialog, "close", "", host.closed, { "aria-label": words.close });
  const body = addCard(dialog, popup.design);
  fillWithOffer(body, popup, words, host);
  keepFocusInside(dialog);
  closeByPressBeside(dialog, host.closed);
  dialog.onclose = host.closed; // Esc, or Android's Back
  dialog.showModal();
  dialog.focus(); // Not the first field: who was typing elsewhere must not type into the form unawares.
  const release = holdPage(dialog);
  if (host.counted) watchForView(dialog, host.seen);
  return {
    host: place,
    remove() {
      release();
      dialog.close(); // Gives the focus back, which removing would not.
      place.remove();
    },
    thank: (discount) => fillWithThanks(body, discount, words, host),
  };
}
