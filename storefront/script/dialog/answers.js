// What becomes of a shopper's answer to a popup.

/**
 * @param {Popup} popup
 * @param {Host} host
 * @param {string | undefined} email
 * @param {Told} told
 */
export function accept({ offer }, host, email, told) {
  const hasCode = offer.has_code || offer.discount_code_id;
  if (!host.counted) return told(true, { discount_code: hasCode ? { code: "PREVIEW" } : undefined });
  host.seen(); // Who answers has seen it, even within the first half second.
  if (!email && !hasCode) {
    host.report({ type: "click" });
    return host.closed();
  }
  /** @type {Partial<TrackedEvent>} */
  const answer = { type: email ? "email_capture" : "click", email };
  if (email && offer.consent_text) Object.assign(answer, { consent: true, consent_text: offer.consent_text });
  host.report(answer, told);
}
