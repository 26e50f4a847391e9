// What is in the popup, and what the shopper does with it.

// The dialog is named after its heading, so there always is one.
function addWords(body, heading, words) {
  element("h2", { id: "heading", tabIndex: -1, textContent: heading || words || WORDS.submit }, body);
  if (heading && words) element("p", { textContent: words }, body);
}

function fillWithOffer(shown) {
  const { design, offer } = shown.popup;
  addWords(shown.body, design.heading, design.subheading);
  const form = element("form", {}, shown.body);
  if (/^(email_capture|newsletter)$/.test(offer.type)) addEmail(form, offer.consent_text);
  shown.problem = element("p", { role: "alert" }, form);
  shown.button = addButton(form, "main", design.button_text || WORDS.submit);
  addButton(shown.body, "quiet", WORDS.decline, () => close(shown));
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!shown.button.ariaDisabled) accept(shown, form.email?.value.trim());
  };
}

function addEmail(form, consentText) {
  const label = element("label", {}, form);
  element("span", { textContent: WORDS.email }, label);
  element("input", { type: "email", name: "email", required: true, maxLength: 254, autocomplete: "email" }, label);
  if (!consentText) return;
  const agree = element("label", { className: "agree" }, form);
  element("input", { type: "checkbox", required: true }, agree);
  element("div", { textContent: consentText }, agree);
}

// Seen means: at least half of it on screen, for half a second. Counted once per showing.
function watchForView(shown) {
  let timer;
  const observer = new IntersectionObserver((entries) => {
    clearTimeout(timer);
    if (entries[entries.length - 1].intersectionRatio >= 0.5) timer = setTimeout(shown.count, SECOND / 2);
  }, { threshold: 0.5 });
  shown.stopWatching = () => {
    clearTimeout(timer);
    observer.disconnect();
    shown.count = () => {};
  };
  shown.count = () => {
    shown.stopWatching();
    countView(shown.popup);
  };
  observer.observe(shown.dialog);
}

function accept(shown, email) {
  const { id, variant_id, offer } = shown.popup;
  if (!shown.counted) return fillWithThanks(shown, (offer.has_code || offer.discount_code_id) && { code: "PREVIEW" });
  shown.count(); // Who answers has seen it, even within the first half second.
  const event = { ...eventFor(id, variant_id), type: email ? "email_capture" : "click", email };
  if (email && offer.consent_text) Object.assign(event, { consent: true, consent_text: offer.consent_text });
  if (email || offer.has_code) return submit(shown, event);
  record("conversion", event);
  close(shown);
}

// What was typed stays; a second try with the same address is the same event, with another one it replaces it.
function submit(shown, event) {
  const button = shown.button;
  const label = button.textContent;
  button.ariaDisabled = "true"; // Not disabled: that would take the focus away.
  button.textContent = WORDS.sending;
  shown.problem.textContent = "";
  const settled = (confirmed, answer) => {
    button.ariaDisabled = null;
    button.textContent = label;
    if (!confirmed) shown.problem.textContent = problemIn(answer);
    else if (open === shown) fillWithThanks(shown, answer.discount_code);
  };
  const waiting = outbox[shown.entry?.event.event_id];
  if (waiting && waiting.event.email === event.email) {
    waiting.settled = settled;
    return deliver([waiting]);
  }
  if (waiting) discard(waiting.event.event_id);
  shown.entry = record("conversion", event, settled);
}

// The network was down when the shopper asked for the code, and the popup is long closed.
function bringLate(popupId, discount) {
  fillWithThanks(show(findPopup(popupId) || { id: popupId }, false), discount);
}

// The server's word on the e-mail address is of use to the shopper, its other troubles are not.
function problemIn(answer) {
  return answer?.errors?.email?.[0] || WORDS.failed;
}

function fillWithThanks(shown, discount) {
  const body = shown.body;
  body.style.minHeight = `${body.offsetHeight}px`; // The card must not jump under the shopper's eyes.
  body.textContent = "";
  addWords(body, WORDS.thanks, discount && WORDS.code);
  if (discount) addCode(body, discount);
  addButton(body, "quiet", WORDS.done, () => close(shown));
  body.firstChild.focus(); // It is read out, and the next Tab lands on the code's button.
}

function addCode(body, discount) {
  const box = element("div", { className: "code" }, body);
  const text = element("code", { textContent: discount.code }, box);
  const button = addButton(box, "main", WORDS.copy, async () => {
    try {
      await navigator.clipboard.writeText(discount.code);
      button.textContent = WORDS.copied;
    } catch {
      getSelection().selectAllChildren(text); // Not allowed here: at least mark it for Ctrl-C.
    }
  });
  button.setAttribute("aria-live", "polite");
  if (!discount.expires_at) return;
  const day = new Date(discount.expires_at).toLocaleDateString([], { dateStyle: "long" });
  element("p", { textContent: `${WORDS.expires} ${day}` }, body);
}
