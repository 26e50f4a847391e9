// What the shop may call: window.exitIntent.

import { each } from "../shared/lists.js";
import { isHeldOut } from "../shared/popups.js";
import { idle } from "./careful.js";
import { readMoney } from "./money.js";
import { withPart } from "./part.js";
import { purchase } from "./purchases.js";
import { tellVisitor, whenKnown } from "./recognition.js";
import { firstNo } from "./rules.js";
import { popups, shop, trouble } from "./state.js";
import { lasting } from "./storage.js";
import { prepare } from "./triggers.js";
import { myVariant, variantOf } from "./variants.js";
import { changeNote, keepSession, moveIn, note, refuse } from "./visitor.js";

let turns = 0;

/** @type {import("../../index.js").ExitIntent} */
export const calls = {
  // cart({value: "49.90", currency: "EUR", items: 3}): what targeting's cart fields are compared with.
  cart({ value, currency, items } = {}) {
    const turn = ++turns;
    readMoney(value ?? 0, currency, ({ amount, currency }) => {
      if (turn !== turns) return; // Another call has come meanwhile.
      if (currency && shop.currency && currency !== shop.currency) {
        console.warn(`A cart in ${currency}: only ${shop.currency} is compared.`);
      }
      keepSession(() => (note.session.cart = { value: amount, currency, items: +(/** @type {any} */ (items)) || 0 }));
      idle().then(() => prepare());
    });
  },

  // purchase({order_id, revenue, currency, discount_code?}): on the thank-you page; reloading it is harmless.
  purchase,

  // consent(true) lets notes outlive the tab; consent(false) removes them, with all that was not yet delivered.
  consent(given) {
    keepSession();
    if (given && lasting) changeNote((note) => (note.agreed = true));
    else if (given) moveIn({ ...note, agreed: true, refused: undefined });
    else if (!note.refused) refuse();
    tellVisitor();
  },

  // visitor(tell?): the visitor's id, or null without consent; tell() is called with it once there is consent.
  visitor(tell) {
    keepSession();
    if (tell) whenKnown(tell);
    return note.visitor || null;
  },

  // explain(): for each popup, whether it would show now, and if not, the first rule that says no.
  explain() {
    keepSession();
    if (trouble) console.info(`No popups: ${trouble}`);
    /** @type {import("../../index.js").Explanation[]} */
    const told = [];
    each(popups, (popup) => {
      const variant = myVariant(popup);
      const reason = firstNo(popup) || (isHeldOut(variant) ? variant : null);
      told[told.length] = { id: popup.id, trigger: popup.trigger.type, variant, would_show: !reason, reason };
    });
    return told;
  },

  // preview(popup or id): shows it now, counts nothing, sends nothing.
  preview(popup) {
    withPart((part) => part.showPreview(popup));
  },

  // variant(popup, visitor_id): the id of the variant that this visitor gets, "holdout", "shop_holdout", or null.
  variant: /** @type {any} */ (variantOf),

  push(call) {
    /** @type {any} */ (calls)[call?.[0]]?.(call[1]);
  },
};
