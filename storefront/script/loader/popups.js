// The shop's popups, as the server gives them.

import { each } from "../shared/lists.js";
import { ask } from "./ask.js";
import { addressOf, settings } from "./settings.js";
import { takePopups } from "./state.js";

export async function loadPopups() {
  const address = addressOf(settings.getActivePopups, "get_active_popups");
  const { status, answer } = await ask(`${address}?shop_id=${encodeURIComponent(settings.shop || "")}`);
  /** @type {Popup[]} */
  const list = [];
  each(answer?.popups, (popup) => popup?.trigger && (list[list.length] = popup));
  takePopups(list, answer?.popups ? "" : status ? `answered ${status}` : "no answer");
}
