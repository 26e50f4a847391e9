/*
 * exit_intent.js shows a shop's popups to its shoppers and reports what came of them.
 *
 *   <script async src="https://cdn.example/exit_intent.js" data-shop="acme" data-api="https://api.example"></script>
 *
 * data-shop                  the shop's id
 * data-api                   address below which the three functions answer; empty for the page's own origin
 * data-get-active-popups, data-track-view, data-track-conversion
 *                            the full address of one function, where they do not share a data-api
 * data-consent="pending"     nothing outlives the tab and no visitor id is sent until exitIntent.consent(true)
 * data-words                 JSON object that replaces entries of WORDS below, for shops in other languages
 *
 * window.exitIntent: cart, purchase, consent, explain, preview, variant (see "What the shop may call").
 * A page that must call before this file has arrived queues:
 *   (window.exitIntent = window.exitIntent || []).push(["purchase", {order_id: "1001", revenue: "49.90", currency: "EUR"}])
 *
 * Content-Security-Policy: script-src this file's origin, connect-src the functions' origin, img-src the
 * images' origins. No inline style, no inline script, no eval, no frame, no cookie, no third party.
 *
 * Which variant a visitor sees is a pure function of two strings, repeated on the server (the vectors in
 * storefront/vectors.json hold for both): h = fmix32(fnv1a32(utf8(visitor_id + ":" + popup_id))), that is FNV-1a
 * finished with MurmurHash3's mixer, because FNV's own bits are not even enough. The lower 16 bits
 * decide about the holdout and the upper 16 about the variant, so raising the holdout moves nobody between variants.
 *
 * Written for browsers since March 2023; older ones are left in peace. Pages are not ours: some have replaced
 * methods of Array.prototype or given arrays a toJSON. Therefore lists are walked by index, never sent through
 * Array methods, spread or for-of, and what is stored or sent as JSON holds objects only.
 */
(function () {
  "use strict";

  const script = document.currentScript || document.querySelector("script[data-shop]");
  if (!script || !window.HTMLDialogElement || !("adoptedStyleSheets" in document)) return;

  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const DAY = 24 * 60 * MINUTE;

  const WORDS = {
    close: "Close",
    email: "E-mail address",
    decline: "No, thanks",
    thanks: "Thank you!",
    code: "Your discount code",
    copy: "Copy",
    copied: "Copied",
    expires: "Valid until",
    done: "Continue shopping",
    sending: "One moment…",
    failed: "That did not get through. Please try again.",
    submit: "Continue",
  };

  // ---- Small things -----------------------------------------------------------------------------------------

  function each(list, visit) {
    for (let i = 0; list && i < list.length; i++) visit(list[i], i);
  }

  function some(list, test) {
    for (let i = 0; list && i < list.length; i++) if (test(list[i])) return true;
    return false;
  }

  function parse(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // Version 7: the time comes first, so the server's index grows at one edge and an event knows its age.
  function newId() {
    const time = Date.now().toString(16).padStart(12, "0");
    let random = "";
    each(crypto.getRandomValues(new Uint8Array(10)), (byte) => (random += (byte + 256).toString(16).slice(1)));
    const variant = "89ab"[parseInt(random[3], 16) & 3];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
  }

  const timeOfId = (id) => parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

  // Addresses are sent without query and fragment: shops put tokens and e-mail addresses there.
  const plainAddress = (address) => address.replace(/[?#].*/, "").slice(0, 2048) || undefined;

  const deviceType = matchMedia("(hover: hover) and (pointer: fine)").matches
    ? "desktop"
    : Math.min(screen.width, screen.height) < 600 ? "mobile" : "tablet";

  // ---- Settings ---------------------------------------------------------------------------------------------

  const settings = script.dataset;
  const addressOf = (given, name) => given || `${(settings.api || "").replace(/\/$/, "")}/${name}`;
  const POPUPS_URL = addressOf(settings.getActivePopups, "get_active_popups");
  const EVENT_URLS = {
    view: addressOf(settings.trackView, "track_view"),
    conversion: addressOf(settings.trackConversion, "track_conversion"),
  };
  Object.assign(WORDS, parse(settings.words || "{}"));

  // ---- Memory -----------------------------------------------------------------------------------------------
  // One note about the visitor, and one more for each event not yet delivered, so that two tabs never
  // overwrite each other's events. Names are plain words: content blockers match the telling ones.

  const NOTE = `store-notes:${settings.shop}`;
  const SESSION_IDLE = 30 * MINUTE;
  let lasting = settings.consent !== "pending";
  let note = null;

  function withStorage(act) {
    try {
      return act(lasting ? localStorage : sessionStorage);
    } catch {
      return null; // Blocked or full: this page goes on from its own memory.
    }
  }

  function readNote() {
    note = parse(withStorage((storage) => storage.getItem(NOTE))) || note || { visits: 0, seen: {} };
    return note;
  }

  function changeNote(change) {
    change(readNote());
    withStorage((storage) => storage.setItem(NOTE, JSON.stringify(note)));
  }

  // A session is one visit: it ends after half an hour without a sign of life.
  function keepSession() {
    changeNote((note) => {
      const now = Date.now();
      if (lasting && !note.visitor) note.visitor = newId();
      if (!note.session || now - note.session.at > SESSION_IDLE) {
        note.session = { id: newId() };
        note.visits++;
      }
      note.session.at = now;
    });
  }

  function notesOn(popupId) {
    return note.seen[popupId] || (note.seen[popupId] = {});
  }

  // ---- Delivery ---------------------------------------------------------------------------------------------
  // An event stays in storage until the server has confirmed it. Sending twice is harmless, since the server
  // counts an event_id once; losing one is not. So when in doubt, it is sent again: later, or on the next page.

  const BATCH_EVENTS = 50;
  const BATCH_CHARACTERS = 60000; // The server takes 64 KiB, and so do all keepalive requests together.
  const KEEP_FOR = 7 * DAY;
  const SHORTEST_RETRY = 2 * SECOND;
  const LONGEST_RETRY = 5 * MINUTE;
  const ANSWER_WITHIN = 10 * SECOND;

  const outbox = {}; // event_id to {kind, event, sending?, settled?}
  let retryAfter = SHORTEST_RETRY;
  let deliveryTimer;

  function record(kind, event, settled) {
    event.event_id = newId();
    outbox[event.event_id] = { kind, event, settled };
    withStorage((storage) => storage.setItem(`${NOTE}:${event.event_id}`, JSON.stringify({ kind, event })));
    if (settled) deliver([outbox[event.event_id]]);
    else deliverIn(SECOND);
    return event.event_id;
  }

  function discard(eventId) {
    delete outbox[eventId];
    withStorage((storage) => storage.removeItem(`${NOTE}:${eventId}`));
  }

  function deliverIn(milliseconds) {
    clearTimeout(deliveryTimer);
    deliveryTimer = setTimeout(deliverAll, milliseconds);
  }

  // Events of earlier pages and of tabs since closed are found in storage.
  function collectEvents() {
    withStorage((storage) => {
      for (let i = 0; i < storage.length; i++) {
        const key = storage.key(i);
        const id = key.slice(NOTE.length + 1);
        if (key.slice(0, NOTE.length + 1) === `${NOTE}:` && !outbox[id]) outbox[id] = parse(storage.getItem(key));
      }
    });
    each(Object.keys(outbox), (id) => {
      if (!outbox[id] || Date.now() - timeOfId(id) > KEEP_FOR) discard(id);
    });
  }

  // Conversions go one a request, views together.
  function eachBatch(send) {
    let views = [];
    let characters = 0;
    collectEvents();
    each(Object.keys(outbox), (id) => {
      const entry = outbox[id];
      if (entry.sending) return;
      if (entry.kind === "conversion") return send([entry]);
      characters += JSON.stringify(entry.event).length;
      if (views.length === BATCH_EVENTS || characters > BATCH_CHARACTERS) {
        send(views);
        views = [];
        characters = JSON.stringify(entry.event).length;
      }
      views[views.length] = entry;
    });
    if (views.length) send(views);
  }

  const deliverAll = () => eachBatch(deliver);

  function bodyOf(batch) {
    if (batch[0].kind === "conversion") return JSON.stringify(batch[0].event);
    let events = "";
    each(batch, (entry) => (events += (events && ",") + JSON.stringify(entry.event)));
    return `{"events":[${events}]}`;
  }

  async function deliver(batch) {
    const kind = batch[0].kind;
    let status = 0;
    let answer = null;
    each(batch, (entry) => (entry.sending = true));
    try {
      // A string is sent as text/plain, which needs no preflight.
      const response = await fetch(EVENT_URLS[kind], {
        method: "POST",
        body: bodyOf(batch),
        keepalive: true,
        credentials: "omit",
        signal: AbortSignal.timeout(ANSWER_WITHIN),
      });
      status = response.status;
      answer = parse(await response.text());
    } catch {
      // No network, or no answer in time: as if the server were down.
    }
    each(batch, (entry) => (entry.sending = false));
    // A hotel's login page also answers 200: only what our server would say counts as confirmed.
    const confirmed = kind === "view" ? status === 202 : answer && answer.conversion_id;
    const refused = status >= 400 && status < 500 && status !== 429;
    if (confirmed || (refused && batch.length === 1)) retryAfter = SHORTEST_RETRY;
    else if (!refused) retryLater();
    each(batch, (entry) => {
      if (refused && batch.length > 1) return deliver([entry]); // One bad event must not take its neighbours along.
      if (confirmed || refused) discard(entry.event.event_id);
      if (confirmed) concluded(entry, answer);
      if (entry.settled) entry.settled(status, answer);
    });
  }

  function retryLater() {
    deliverIn(retryAfter * (0.5 + Math.random())); // Spread out, so that shoppers do not all return at once.
    retryAfter = Math.min(retryAfter * 2, LONGEST_RETRY);
  }

  function deliverLastMinute() {
    eachBatch((batch) => {
      navigator.sendBeacon(EVENT_URLS[batch[0].kind], bodyOf(batch));
    });
  }

  // What starts the second clock is a conversion the server has confirmed, however late.
  function concluded(entry, answer) {
    const event = entry.event;
    const gotCode = answer && answer.discount_code;
    if (entry.kind !== "conversion" || (event.type === "click" && !gotCode)) return;
    changeNote(() => (notesOn(event.popup_id).converted_at = Date.now()));
  }

  // ---- Events -----------------------------------------------------------------------------------------------

  function eventFor(popup) {
    return {
      popup_id: popup.id,
      variant_id: popup.variant_id,
      session_id: note.session.id,
      visitor_id: note.visitor,
      device_type: deviceType,
      page_url: plainAddress(location.href),
      referrer: plainAddress(document.referrer),
    };
  }

  // ---- The popup --------------------------------------------------------------------------------------------
  // Lives in a shadow root, so that neither side's CSS reaches the other, and in the browser's top layer, so that
  // no z-index is above it. Text is text (textContent), and colours, numbers and addresses are
  // checked once more: an API that was tricked must still not be able to harm a shop.

  const STYLE = `
    :host { all: initial !important; font: 16px/1.5 var(--store-font, system-ui, sans-serif) !important }
    * { box-sizing: border-box }
    dialog { width: min(var(--width), calc(100vw - 2rem)); max-width: none; max-height: calc(100dvh - 2rem); padding: 0; border: 0;
      border-radius: var(--radius); color: var(--text); background: var(--background); container-type: inline-size;
      overscroll-behavior: contain; box-shadow: 0 24px 64px rgb(0 0 0 / .3); outline: 0 }
    dialog::backdrop { background: rgb(15 23 42 / .6) }
    .card { display: flex; flex-direction: column }
    .art { flex: none; height: 11rem; background: var(--button); overflow: hidden }
    .art img { width: 100%; height: 100%; object-fit: cover; display: block }
    .body { flex: 1; padding: max(var(--padding), 2.75rem) var(--padding) var(--padding); text-align: center; min-width: 0;
      display: flex; flex-direction: column; justify-content: center; gap: 1rem; overflow-wrap: anywhere }
    .art + .body { padding-top: var(--padding) }
    h2, p, form { margin: 0 }
    h2 { font-size: clamp(1.375rem, 6cqi, 1.875rem); line-height: 1.2; font-weight: 700; text-wrap: balance; outline: 0 }
    form { display: grid; gap: .75rem; text-align: start }
    label span { font-size: .875rem; font-weight: 600 }
    button, input { font: inherit; color: inherit; border-radius: min(var(--radius), .75rem) }
    input[type=email] { width: 100%; min-height: 3rem; margin-top: .25rem; padding: 0 .875rem; background: none; border: 1px solid; display: block }
    .agree { display: grid; grid-template-columns: auto 1fr; gap: .625rem; font-size: .875rem }
    .agree input { width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; accent-color: var(--button) }
    button { min-height: 3rem; padding: .5rem 1.25rem; border: 1px solid transparent; background: none; cursor: pointer }
    .main { width: 100%; background: var(--button); color: var(--on-button); font-weight: 600 }
    .main:hover { filter: brightness(1.08) }
    .main[aria-disabled] { cursor: progress }
    .quiet { min-height: 2.75rem; align-self: center; text-decoration: underline; text-underline-offset: .2em }
    .close { position: absolute; inset-block-start: .375rem; inset-inline-end: .375rem; width: 2.75rem; min-height: 2.75rem; padding: 0;
      font-size: 1.5rem; line-height: 1; border-radius: 50%; background: var(--background); z-index: 1 }
    :focus-visible { outline: 3px solid; outline-offset: 2px }
    dialog:focus-visible, h2:focus-visible { outline: 0 }
    .code { display: flex; flex-wrap: wrap; gap: .5rem; padding: .5rem; border: 2px dashed; border-radius: min(var(--radius), .75rem); align-items: center }
    .code code { flex: 1; font: 700 1.375rem/1.4 ui-monospace, monospace; letter-spacing: .06em; user-select: all }
    .code button { min-width: 6rem; background: var(--button); color: var(--on-button); font-weight: 600 }
    .problem { font-weight: 600 }
    .problem:empty { display: none }
    @container (min-width: 30rem) {
      .left, .right { flex-direction: row; min-height: 22rem }
      .right { flex-direction: row-reverse }
      .left .body, .right .body { text-align: start; padding-top: max(var(--padding), 2.75rem) }
      .left .quiet, .right .quiet { align-self: start; padding-inline: 0 }
      .left .art, .right .art { width: 40%; height: auto; position: relative }
      .left .art img, .right .art img { position: absolute }
    }
    @media (prefers-reduced-motion: no-preference) {
      dialog { animation: rise .25s ease-out }
      @keyframes rise { from { opacity: 0; transform: translateY(12px) } }
    }`;

  const HEX = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;
  const LEGIBLE = 4.5; // WCAG 2.2, 1.4.3

  const colour = (value, otherwise) => (HEX.test(value) ? value : otherwise);

  const between = (least, value, most, otherwise) =>
    Math.min(most, Math.max(least, isFinite(value) && value !== null ? +value : otherwise));

  function luminance(hex) {
    const digits = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
    const channel = (start) => {
      const c = parseInt(digits.slice(start, start + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  }

  function contrast(one, other) {
    const a = luminance(one);
    const b = luminance(other);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }

  function element(name, properties, parent) {
    const made = document.createElement(name);
    each(Object.keys(properties), (key) => {
      if (key in made) made[key] = properties[key];
      else made.setAttribute(key, properties[key]);
    });
    if (parent) parent.append(made);
    return made;
  }

  let styleSheet;
  let open = null; // the popup on screen

  function show(popup, counted) {
    const design = popup.design || {};
    if (!styleSheet) (styleSheet = new CSSStyleSheet()).replaceSync(STYLE);
    const host = element("div", {}, document.body);
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet];
    const dialog = element("dialog", { tabIndex: -1, "aria-labelledby": "heading", "aria-describedby": "words", closedby: "any" }, root);
    paint(dialog, popup.id, design);
    const layout = design.layout === "left" || design.layout === "right" ? design.layout : "centered";
    const card = element("div", { className: `card ${layout}` }, dialog);
    element("button", { type: "button", className: "close", textContent: "×", "aria-label": WORDS.close, onclick: () => dialog.close() }, card);
    addImage(card, design.image_url);
    open = { popup, counted, dialog, body: element("div", { className: "body" }, card) };
    fillWithOffer(open);
    dialog.addEventListener("keydown", keepFocusInside);
    dialog.addEventListener("close", () => closed(host));
    dialog.showModal();
    dialog.focus(); // Not the first field: a shopper who was typing elsewhere must not type into the form unawares.
    if (counted) watchForView(open);
  }

  function paint(dialog, popupId, design) {
    const background = colour(design.background_color, "#ffffff");
    const text = colour(design.text_color, "#1e293b");
    const button = colour(design.button_color, "#4f46e5");
    if (contrast(text, background) < LEGIBLE) {
      console.warn(`Popup ${popupId}: the contrast of ${text} on ${background} is below ${LEGIBLE}:1.`);
    }
    const set = (name, value) => dialog.style.setProperty(`--${name}`, value);
    set("background", background);
    set("text", text);
    set("button", button);
    set("on-button", contrast("#ffffff", button) >= LEGIBLE ? "#ffffff" : "#000000");
    set("width", `${between(200, design.width, 1200, 500)}px`);
    set("radius", `${between(0, design.border_radius, 50, 12)}px`);
    set("padding", `${between(10, design.padding, 100, 32)}px`);
  }

  function addImage(card, address) {
    if (!/^https:\/\//i.test(address || "")) return;
    const frame = element("div", { className: "art" }, card);
    element("img", { alt: "", referrerPolicy: "no-referrer", onerror() { this.remove(); }, src: address }, frame);
  }

  function fillWithOffer(shown) {
    const design = shown.popup.design || {};
    const offer = shown.popup.offer || {};
    addWords(shown.body, design.heading, design.subheading);
    const form = element("form", {}, shown.body);
    if (offer.type === "email_capture" || offer.type === "newsletter") addEmail(form, offer);
    shown.problem = element("p", { className: "problem", role: "alert" }, form);
    shown.button = element("button", { className: "main", textContent: design.button_text || WORDS.submit }, form);
    form.onsubmit = (event) => {
      event.preventDefault();
      accept(shown, form);
    };
    element("button", { type: "button", className: "quiet", textContent: WORDS.decline, onclick: () => shown.dialog.close() }, shown.body);
  }

  function addWords(body, heading, words) {
    element("h2", { id: "heading", tabIndex: -1, textContent: heading || "" }, body);
    if (words) element("p", { id: "words", textContent: words }, body);
  }

  function addEmail(form, offer) {
    const label = element("label", {}, form);
    element("span", { textContent: WORDS.email }, label);
    element("input", { type: "email", name: "email", required: true, maxLength: 254, autocomplete: "email" }, label);
    if (!offer.consent_text) return;
    const agree = element("label", { className: "agree" }, form);
    element("input", { type: "checkbox", required: true }, agree);
    agree.append(offer.consent_text);
  }

  // ---- What the shopper does --------------------------------------------------------------------------------

  // Seen means: at least half of it on screen, for half a second.
  function watchForView(shown) {
    let timer;
    const observer = new IntersectionObserver((entries) => {
      clearTimeout(timer);
      if (entries[entries.length - 1].intersectionRatio >= 0.5) timer = setTimeout(shown.countView, 500);
    }, { threshold: 0.5 });
    shown.countView = () => {
      observer.disconnect();
      clearTimeout(timer);
      if (!shown.viewed) record("view", eventFor(shown.popup));
      shown.viewed = true;
    };
    observer.observe(shown.dialog);
    shown.dialog.addEventListener("close", () => (clearTimeout(timer), observer.disconnect()));
  }

  function accept(shown, form) {
    const offer = shown.popup.offer || {};
    const email = form.email && form.email.value.trim();
    if (shown.button.ariaDisabled) return; // Still sending.
    if (!shown.counted) return fillWithThanks(shown, offer.has_code && { code: "PREVIEW" });
    shown.countView(); // Who answers has seen it, even within the first half second.
    const event = eventFor(shown.popup);
    event.type = email ? "email_capture" : "click";
    if (email) event.email = email;
    if (email && offer.consent_text) Object.assign(event, { consent: true, consent_text: offer.consent_text });
    if (!email && !offer.has_code) {
      record("conversion", event);
      return shown.dialog.close();
    }
    submit(shown, event);
  }

  function submit(shown, event) {
    if (shown.pending && shown.pending !== event.email) discard(shown.pendingId);
    shown.button.ariaDisabled = "true";
    shown.problem.textContent = "";
    const label = shown.button.textContent;
    shown.button.textContent = WORDS.sending;
    record("conversion", event, (status, answer) => {
      shown.button.ariaDisabled = null;
      shown.button.textContent = label;
      if (answer && answer.conversion_id) fillWithThanks(shown, answer.discount_code);
      else shown.problem.textContent = problemIn(answer);
    });
  }

  // The server's word on the e-mail address is of use to the shopper, its other troubles are not.
  function problemIn(answer) {
    const messages = answer && answer.errors && answer.errors.email;
    return (messages && messages[0]) || WORDS.failed;
  }

  function fillWithThanks(shown, code) {
    const body = shown.body;
    body.style.minHeight = `${body.offsetHeight}px`; // The card must not jump under the shopper's eyes.
    body.textContent = "";
    addWords(body, WORDS.thanks, code && WORDS.code);
    if (code) addCode(body, code);
    element("button", { type: "button", className: "quiet", textContent: WORDS.done, onclick: () => shown.dialog.close() }, body);
    body.firstChild.focus(); // Read out, and the next Tab lands on the code's button.
  }

  function addCode(body, discount) {
    const box = element("div", { className: "code" }, body);
    const text = element("code", { textContent: discount.code }, box);
    const button = element("button", { type: "button", textContent: WORDS.copy }, box);
    button.onclick = async () => {
      try {
        await navigator.clipboard.writeText(discount.code);
        button.textContent = WORDS.copied;
      } catch {
        getSelection().selectAllChildren(text); // Not allowed here: at least mark it for Ctrl-C.
      }
    };
    const until = discount.expires_at && new Date(discount.expires_at);
    if (until) element("p", { textContent: `${WORDS.expires} ${until.toLocaleDateString(document.documentElement.lang || [])}` }, body);
  }

  // The dialog makes the page inert by itself; this keeps Tab from wandering off into the browser's own bars.
  function keepFocusInside(event) {
    if (event.key !== "Tab") return;
    const stops = open.dialog.querySelectorAll("button, input");
    const first = stops[0];
    const last = stops[stops.length - 1];
    const at = open.dialog.getRootNode().activeElement;
    const wrap = event.shiftKey ? at === first || at === open.dialog : at === last;
    if (!wrap) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }

  function closed(host) {
    const { popup, counted } = open;
    open = null;
    host.remove();
    if (counted) changeNote(() => (notesOn(popup.id).closed_at = Date.now()));
  }

  // ---- Rules ------------------------------------------------------------------------------------------------

  function firstNo(popup) {
    const frequency = popup.frequency || {};
    const seen = readNote().seen[popup.id] || {};
    const since = (at) => (Date.now() - at) / DAY;
    if (open) return "another popup is on screen";
    if (seen.converted_at && since(seen.converted_at) < frequency.days_after_conversion) return "frequency.days_after_conversion";
    if (seen.closed_at && since(seen.closed_at) < frequency.days_after_close) return "frequency.days_after_close";
    if (frequency.max_per_session && seen.session === note.session.id && seen.shown >= frequency.max_per_session) return "frequency.max_per_session";
    return null;
  }

  // ---- Triggers ---------------------------------------------------------------------------------------------

  let popups = [];

  function fire(type) {
    if (open || document.hidden) return;
    keepSession();
    for (let i = 0; i < popups.length; i++) {
      if (popups[i].trigger.type === type && !firstNo(popups[i])) return display(popups[i]);
    }
  }

  function display(popup) {
    changeNote(() => {
      const seen = notesOn(popup.id);
      seen.shown = seen.session === note.session.id ? seen.shown + 1 : 1;
      seen.session = note.session.id;
    });
    show(popup, true);
  }

  // Leaving through the top, moving upwards, with no button pressed and not just after a click: a click may have
  // opened a menu, a select or the developer tools, which take the pointer out of the page too.
  function watchForExit() {
    let lastY = 0;
    let lastClick = 0;
    const since = (performance.getEntriesByType("navigation")[0] || {}).loadEventEnd || performance.now();
    addEventListener("mousemove", (event) => (lastY = event.clientY), { passive: true });
    addEventListener("click", () => (lastClick = performance.now()), true);
    document.addEventListener("mouseout", (event) => {
      const now = performance.now();
      const leavesByTop = !event.relatedTarget && event.clientY <= 0 && lastY > event.clientY && !event.buttons;
      if (leavesByTop && now - since > SECOND && now - lastClick > SECOND) fire("exit_intent");
    });
  }

  // ---- Start ------------------------------------------------------------------------------------------------

  async function start() {
    keepSession();
    deliverAll();
    addEventListener("online", deliverAll);
    document.addEventListener("visibilitychange", () => document.hidden && deliverAll());
    addEventListener("pagehide", deliverLastMinute);
    try {
      const response = await fetch(`${POPUPS_URL}?shop_id=${encodeURIComponent(settings.shop)}`, { credentials: "omit" });
      popups = (response.ok && (await response.json()).popups) || [];
    } catch {
      return; // No popups today.
    }
    if (deviceType === "desktop") watchForExit();
  }

  const whenIdle = () => (window.requestIdleCallback || setTimeout)(start);
  if (document.readyState === "complete") whenIdle();
  else addEventListener("load", whenIdle);
})();
