// What is reported of a popup.

function eventFor(popupId, variantId) {
  return {
    popup_id: popupId,
    variant_id: variantId,
    session_id: note.session.id,
    visitor_id: note.visitor,
    device_type: deviceType(),
    page_url: plainAddress(location.href),
    referrer: plainAddress(document.referrer) || undefined,
  };
}

function countView(popup) {
  changeSeen(popup.id, (seen) => {
    seen.viewed_at = Date.now();
    seen.variant = popup.variant_id;
  });
  record(eventFor(popup.id, popup.variant_id));
}

// Only a conversion that the server has confirmed starts the second clock, and a mere click never does.
function noteConversion({ type, popup_id }, discount, shown) {
  if (type === "click" && !discount) return;
  changeSeen(popup_id, (seen) => {
    seen.converted_at = Date.now();
    if (!discount) return;
    seen.code = discount.code;
    if (!shown) seen.due = discount;
  });
  bringDue();
}
