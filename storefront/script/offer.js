// What is in the popup, and what the shopper does with it.

// The dialog is named after its heading, so there always is one.
function addWords(body, heading, words) {
  element(body, "h2", { id: "heading", tabIndex: -1 }, heading || words || WORDS.submit);
  if (heading && words) element(body, "p", {}, words);
}

function fillWithOffer(popup, body) {
  const { design, offer } = popup;
  addWords(body, design.heading, design.subheading);
  const form = element(body, "form");
  if (/email|news/.test(offer.type)) addEmail(form, offer.consent_text);
  element(form, "p", { role: "alert" });
  const button = addButton(form, "main", design.button_text || WORDS.submit);
  addButton(body, "quiet", WORDS.decline, () => close(popup));
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!button.ariaDisabled) accept(popup, form, form.email?.value.trim());
  };
}

function addEmail(form, consentText) {
  const label = element(form, "label");
  element(label, "span", {}, WORDS.email);
  element(label, "input", { type: "email", name: "email", required: true, maxLength: 254, autocomplete: "email" });
  if (!consentText) return;
  const agree = element(form, "label", { className: "agree" });
  element(agree, "input", { type: "checkbox", required: true });
  element(agree, "div", {}, consentText);
}

function accept(popup, form, email) {
  const { id, variant_id, offer } = popup;
  const preview = (offer.has_code || offer.discount_code_id) && { code: "PREVIEW" };
  if (!popup.counted) return fillWithThanks(form.parentNode, preview);
  count(popup); // Who answers has seen it, even within the first half second.
  const event = { ...eventFor(id, variant_id), type: email ? "email_capture" : "click", email };
  if (email && offer.consent_text) Object.assign(event, { consent: true, consent_text: offer.consent_text });
  if (email || offer.has_code) return submit(popup, form, event);
  record(event);
  close(popup);
}

// What was typed stays; a second try with the same address is the same event, with another one it replaces it.
function submit(popup, form, event) {
  const button = form.lastChild;
  const problem = button.previousSibling;
  const label = button.textContent;
  button.ariaDisabled = "true"; // Not disabled: that would take the focus away.
  button.textContent = WORDS.sending;
  problem.textContent = "";
  // Answers whether the shopper sees what came of it.
  const settled = (confirmed, answer) => {
    button.ariaDisabled = null;
    button.textContent = label;
    // The server's word on the address is of use to the shopper, its other troubles are not.
    if (!confirmed) problem.textContent = answer?.errors?.email?.[0] || WORDS.failed;
    else if (open === popup) fillWithThanks(form.parentNode, answer.discount_code);
    return open === popup;
  };
  const waiting = outbox[popup.entry?.event.event_id];
  if (waiting && waiting.event.email === event.email) {
    waiting.settled = settled;
    return deliver([waiting]);
  }
  if (waiting) discard(waiting.event.event_id);
  popup.entry = record(event, settled);
}

// A code that came when its popup was gone is shown as soon as nothing is in the way.
function bringDue() {
  eachKey(note.seen, (id) => {
    const { due, variant } = note.seen[id];
    if (!due || isBusy()) return;
    const popup = asVariant(find(popups, id) || { id }, variant);
    if (isExcluded(popup)) return;
    changeSeen(id, (seen) => delete seen.due);
    fillWithThanks(show(popup, false), due);
  });
}

function fillWithThanks(body, discount) {
  const popup = open;
  popup.answered = true;
  body.style.minHeight = `${body.offsetHeight}px`; // The card must not jump under the shopper's eyes.
  body.textContent = "";
  addWords(body, WORDS.thanks, discount && WORDS.code);
  if (discount) addCode(body, discount);
  addButton(body, "quiet", WORDS.done, () => close(popup));
  body.firstChild.focus(); // It is read out, and the next Tab lands on the code's button.
}

function addCode(body, discount) {
  const box = element(body, "div", { className: "code" });
  const text = element(box, "code", {}, discount.code);
  const button = addButton(box, "main", WORDS.copy, async () => {
    try {
      await navigator.clipboard.writeText(discount.code);
      button.textContent = WORDS.copied;
    } catch {
      getSelection().selectAllChildren(text); // Not allowed here: at least mark it for Ctrl-C.
    }
  }, { "aria-live": "polite" });
  if (!discount.expires_at) return;
  const day = new Date(discount.expires_at).toLocaleDateString([], { dateStyle: "long" });
  element(body, "p", {}, `${WORDS.expires} ${day}`);
}
