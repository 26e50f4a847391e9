// What becomes of a shopper's answer to a popup.

import { deliver, record } from "./delivery.js";
import { eventFor } from "./events.js";
import { discard, outbox } from "./outbox.js";
import { open } from "./state.js";

/**
 * Whether the popup has done its work by that.
 *
 * @param {Showing} showing
 * @param {string | undefined} email
 * @param {Tell} tell
 */
export function accept(showing, email, tell) {
  const { id, variant_id, offer } = showing.popup;
  if (!showing.counted) return previewThanks(showing, tell);
  /** @type {TrackedEvent} */
  const event = { ...eventFor(id, variant_id), type: email ? "email_capture" : "click", email };
  if (email && offer.consent_text) Object.assign(event, { consent: true, consent_text: offer.consent_text });
  if (email || offer.has_code) return submit(showing, event, tell);
  record(event);
  return true;
}

/**
 * @param {Showing} showing
 * @param {Tell} tell
 */
function previewThanks({ popup: { offer } }, tell) {
  tell({ discount: offer.has_code || offer.discount_code_id ? { code: "PREVIEW" } : undefined });
}

/**
 * What was typed stays; a second try with the same address is the same event, with another one it replaces it.
 *
 * @param {Showing} showing
 * @param {TrackedEvent} event
 * @param {Tell} tell
 */
function submit(showing, event, tell) {
  // Answers whether the shopper sees what came of it.
  const settled = (/** @type {unknown} */ confirmed, /** @type {Answer | undefined} */ answer) => {
    const shown = open === showing;
    // The server's word on the address is of use to the shopper, its other troubles are not.
    if (!confirmed) tell({ problem: answer?.errors?.email?.[0] || "" });
    else if (shown) tell({ discount: answer?.discount_code });
    if (confirmed && shown) showing.answered = true;
    return shown;
  };
  const waiting = outbox[showing.entry?.event.event_id || ""];
  if (waiting && waiting.event.email === event.email) {
    waiting.settled = settled;
    return void deliver([waiting]);
  }
  if (waiting) discard(/** @type {string} */ (waiting.event.event_id));
  showing.entry = record(event, settled);
}
