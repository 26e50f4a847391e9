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
  const consent_text = (email && offer.consent_text) || undefined;
  const answer = { type: email ? "email_capture" : "click", email, consent: consent_text && true, consent_text };
  if (email || hasCode) return host.report(answer, told);
  host.report(answer);
  host.closed();
}
