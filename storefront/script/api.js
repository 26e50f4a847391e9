// What the shop may call: window.exitIntent.

const ATTRIBUTED_FOR = 30 * DAY;

const api = {
  // cart({value: "49.90", currency: "EUR", items: 3}): what targeting's cart fields are compared with.
  cart({ value, currency, items } = {}) {
    keepSession(() => (note.session.cart = { value: +value || 0, currency, items: +items || 0 }));
  },

  // purchase({order_id, revenue, currency, discount_code?}): on the thank-you page; reloading it is harmless.
  purchase({ order_id, revenue, currency, discount_code } = {}) {
    keepSession();
    if (!order_id || note.order === order_id) return;
    const popupId = popupBehind(discount_code);
    changeNote(() => (note.order = order_id));
    if (!popupId) return;
    const event = eventFor(popupId, note.seen[popupId].variant);
    event.order_id = `${order_id}`;
    event.discount_code = discount_code || undefined;
    const amount = { revenue: +(+revenue).toFixed(4) || revenue, currency: currency?.toUpperCase() };
    record({ ...event, ...amount, type: "purchase" });
    if (discount_code) record({ ...event, type: "discount_code_used" }); // The order's use, named twice.
  },

  // consent(true) lets notes outlive the tab; consent(false) removes them, with all that was not yet delivered.
  consent(given) {
    keepSession();
    if (given && lasting) changeNote(() => (note.agreed = true));
    else if (given) moveIn({ ...note, agreed: true, refused: undefined });
    else if (!note.refused) refuse();
  },

  // explain(): for each popup, whether it would show now, and if not, the first rule that says no.
  explain() {
    keepSession();
    if (trouble) console.info(`No popups: ${trouble}`);
    const told = [];
    each(popups, (popup) => {
      const variant = myVariant(popup);
      const reason = firstNo(popup) || (variant === HOLDOUT ? HOLDOUT : null);
      told[told.length] = { id: popup.id, trigger: popup.trigger.type, variant, would_show: !reason, reason };
    });
    return told;
  },

  // preview(popup or id): shows it now, counts nothing, sends nothing.
  preview(popup) {
    if (open) takeDown();
    show(asVariant(find(popups, popup) || popup), false);
  },

  // variant(popup, visitor_id): the id of the variant that this visitor gets, "holdout", or null.
  variant: variantOf,

  push(call) {
    api[call?.[0]]?.(call[1]);
  },
};

// What was closed in this visit stays closed, and what was shown counts as shown.
function refuse() {
  const { session, seen } = note;
  const id = newId();
  eachKey(seen, (popup) => {
    if (seen[popup].session === session.id) seen[popup].session = id;
  });
  eachKey(outbox, discard);
  full = false;
  lasting = true;
  eraseNotes();
  lasting = false;
  eraseNotes();
  note = { refused: true, visits: 1, seen, session: { ...session, id } };
  store(NOTE, note);
}

// The popup whose code was used; otherwise the one that this visitor saw last.
function popupBehind(code) {
  let best = null;
  let bestAt = Date.now() - ATTRIBUTED_FOR;
  eachKey(note.seen, (id) => {
    const { viewed_at: at, code: given } = note.seen[id];
    const when = code && given?.toUpperCase() === code.toUpperCase() ? Infinity : at;
    if (when > bestAt) {
      best = id;
      bestAt = when;
    }
  });
  return best;
}
