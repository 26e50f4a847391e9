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
 * window.exitIntent has cart, purchase, consent, explain, preview and variant: see "What the shop may call".
 * A page that must call before this file has arrived queues:
 *   (window.exitIntent = window.exitIntent || []).push(["purchase", {order_id: "1001", revenue: "49.90", currency: "EUR"}])
 *
 * Content-Security-Policy: script-src this file's origin, connect-src the functions' origin, img-src the
 * images' origins. No inline style, no inline script, no eval, no frame, no cookie, no third party.
 * A shop may set the typeface with the CSS property --store-font on body.
 *
 * Which variant a visitor sees is a pure function of two strings, the same on the server; the vectors in
 * vectors.json bind both. hash = fmix32(fnv1a32(utf8(visitor_id + ":" + popup_id))): FNV-1a, finished with
 * MurmurHash3's mixer because FNV's own bits are not even enough. The lower 16 bits decide about the holdout and
 * the upper 16 about the variant, so raising the holdout moves nobody from one variant to another.
 *
 * Written for browsers since March 2023; older ones are left in peace. Pages are not ours: some have replaced
 * methods of Array.prototype or given arrays a toJSON. Therefore lists are walked by index, never sent through
 * Array methods, spread or for-of, and what is stored or sent as JSON holds objects only.
 */
(function () {
  "use strict";

  const script = document.currentScript || document.querySelector("script[data-shop]");
  if (!script || !window.HTMLDialogElement || !("adoptedStyleSheets" in document)) return;
  if (window.exitIntent?.explain) return; // A second tag of the same script.

  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const DAY = 24 * 60 * MINUTE;

  const WORDS = {
    close: "Close",
    email: "E-mail address",
    submit: "Continue",
    decline: "No, thanks",
    sending: "One moment…",
    failed: "That did not get through. Please try again.",
    thanks: "Thank you!",
    code: "Your discount code:",
    copy: "Copy",
    copied: "Copied",
    expires: "Valid until",
    done: "Continue shopping",
  };

  // ---- Small things -----------------------------------------------------------------------------------------

  function some(list, test) {
    for (let i = 0; list && i < list.length; i++) if (test(list[i])) return true;
    return false;
  }

  const each = (list, visit) => some(list, (item) => void visit(item));

  const eachKey = (object, visit) => each(Object.keys(object || {}), visit);

  function parse(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // Version 7: the time comes first, so the server's index grows at one edge and an event knows its age.
  function newId() {
    let hex = `${Date.now().toString(16).padStart(12, "0")}7`;
    each(crypto.getRandomValues(new Uint8Array(10)), (byte) => (hex += (byte + 256).toString(16).slice(1)));
    return hex.replace(/(.{8})(.{4})(.{4}).(.{3})(.{12}).*/, "$1-$2-$3-8$4-$5");
  }

  const timeOfId = (id) => parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

  // Addresses are kept and sent without query and fragment: shops put tokens and e-mail addresses there.
  const plainAddress = (address) => address.replace(/[?#].*/, "").slice(0, 2048);

  function deviceType() {
    if (matchMedia("(hover: hover) and (pointer: fine)").matches) return "desktop";
    return Math.min(screen.width, screen.height) < 600 ? "mobile" : "tablet";
  }

  // ---- Settings ---------------------------------------------------------------------------------------------

  const settings = script.dataset;
  const addressOf = (given, name) => given || `${(settings.api || "").replace(/\/$/, "")}/${name}`;
  const POPUPS_URL = addressOf(settings.getActivePopups, "get_active_popups");
  const EVENT_URLS = {
    view: addressOf(settings.trackView, "track_view"),
    conversion: addressOf(settings.trackConversion, "track_conversion"),
  };
  if (settings.words) Object.assign(WORDS, parse(settings.words));

  // ---- Memory -----------------------------------------------------------------------------------------------
  // One note about the visitor, and one more for each event not yet confirmed, so that two tabs never overwrite
  // each other's events. The names are plain words: content blockers match the telling ones.
  //
  // note = {visitor?, agreed?, refused?, visits, order?, seen: {popup id: {session, shown, viewed_at, closed_at,
  //         converted_at, variant, code}}, session: {id, at, referrer, utm, cart}}

  const NOTE = `store-notes:${settings.shop}`;
  const SESSION_IDLE = 30 * MINUTE;

  let lasting = false; // whether what we note may outlive the tab
  let note = null;

  function withStorage(act) {
    try {
      return act(lasting ? localStorage : sessionStorage);
    } catch {
      return null; // Blocked or full: this page goes on from its own memory.
    }
  }

  const stored = (key) => withStorage((storage) => parse(storage.getItem(key)));
  const store = (key, value) => withStorage((storage) => storage.setItem(key, JSON.stringify(value)));
  const unstore = (key) => withStorage((storage) => storage.removeItem(key));

  // Visits the key of every event in storage.
  function eachStoredEvent(visit) {
    withStorage((storage) => eachKey(storage, (key) => key.startsWith(`${NOTE}:`) && visit(key)));
  }

  function changeNote(change) {
    const kept = stored(NOTE);
    note = kept?.seen ? kept : note || { visits: 0, seen: {} };
    change(note);
    store(NOTE, note);
  }

  function eraseNotes() {
    eachStoredEvent(unstore);
    unstore(NOTE);
  }

  // A refusal holds for the tab; agreement is the visitor's and stays until it is withdrawn.
  function mayLast() {
    if (stored(NOTE)?.refused) return false;
    lasting = true;
    return settings.consent !== "pending" || !!stored(NOTE)?.agreed;
  }

  // A session is one visit: it ends after half an hour without a sign of life. Everything that reads or changes
  // the note starts here, so that storage is not touched before the page is idle.
  function keepSession() {
    if (!note) lasting = mayLast();
    changeNote(() => {
      const now = Date.now();
      if (lasting && !note.visitor) note.visitor = newId();
      if (!note.session || now - note.session.at > SESSION_IDLE) {
        note.session = { id: newId(), referrer: "", utm: {}, cart: note.session?.cart };
        note.visits++;
      }
      note.session.at = now;
    });
  }

  // Where the visit came from is known on its first page only, unless the shopper comes in by another link.
  function noteArrival() {
    changeNote(() => {
      new URLSearchParams(location.search).forEach((value, name) => {
        if (name.startsWith("utm_")) note.session.utm[name.slice(4)] = value;
      });
      if (document.referrer && new URL(document.referrer).host !== location.host) {
        note.session.referrer = plainAddress(document.referrer);
      }
    });
  }

  function changeSeen(popupId, change) {
    changeNote(() => change(note.seen[popupId] || (note.seen[popupId] = {})));
  }

  // ---- Delivery ---------------------------------------------------------------------------------------------
  // An event stays in storage until the server has confirmed it. Sending twice is harmless, since the server
  // counts an event_id once; losing one is not. So when in doubt it is sent again: later, or on the next page.

  const BATCH_EVENTS = 50;
  const BATCH_CHARACTERS = 60000; // The server takes 64 KiB, and so do all keepalive requests together.
  const KEEP_FOR = 7 * DAY;
  const SHORTEST_RETRY = 2 * SECOND;
  const LONGEST_RETRY = 5 * MINUTE;
  const ANSWER_WITHIN = 10 * SECOND;

  const outbox = {}; // event_id: {kind, event, sending?, settled?}
  let retryDelay = SHORTEST_RETRY;
  let deliveryTimer;

  function record(kind, event, settled) {
    event.event_id = newId();
    const entry = { kind, event, settled };
    outbox[event.event_id] = entry;
    keepEvent(event.event_id);
    if (settled) deliver([entry]);
    else deliverIn(SECOND); // Others may join the batch.
    return entry;
  }

  function keepEvent(id) {
    const { kind, event } = outbox[id];
    store(`${NOTE}:${id}`, { kind, event });
  }

  function discard(id) {
    delete outbox[id];
    unstore(`${NOTE}:${id}`);
  }

  // Events of earlier pages, and of tabs since closed, are found in storage.
  function collectEvents() {
    eachStoredEvent((key) => {
      const id = key.slice(NOTE.length + 1);
      if (!outbox[id]) outbox[id] = stored(key);
    });
    eachKey(outbox, (id) => {
      if (!outbox[id]?.event || Date.now() - timeOfId(id) > KEEP_FOR) discard(id);
    });
  }

  // Conversions go one a request, views together.
  function eachBatch(send) {
    let views = [];
    let characters = 0;
    collectEvents();
    eachKey(outbox, (id) => {
      const entry = outbox[id];
      const length = JSON.stringify(entry.event).length;
      if (entry.sending) return;
      if (entry.kind === "conversion") return send([entry]);
      if (views.length === BATCH_EVENTS || characters + length > BATCH_CHARACTERS) {
        send(views);
        views = [];
        characters = 0;
      }
      views[views.length] = entry;
      characters += length;
    });
    if (views.length) send(views);
  }

  const deliverAll = () => eachBatch(deliver);

  function deliverIn(milliseconds) {
    clearTimeout(deliveryTimer);
    deliveryTimer = setTimeout(deliverAll, milliseconds);
  }

  // The page is going away: whatever is not under way is handed to the browser, and stays in storage as well.
  function deliverBlindly() {
    catchUp();
    eachBatch((batch) => navigator.sendBeacon(EVENT_URLS[batch[0].kind], bodyOf(batch)));
  }

  function bodyOf(batch) {
    if (batch[0].kind === "conversion") return JSON.stringify(batch[0].event);
    let events = "";
    each(batch, (entry) => (events += (events && ",") + JSON.stringify(entry.event)));
    return `{"events":[${events}]}`;
  }

  async function deliver(batch) {
    const kind = batch[0].kind;
    each(batch, (entry) => (entry.sending = true));
    const { status, answer, patience } = await post(EVENT_URLS[kind], bodyOf(batch));
    each(batch, (entry) => (entry.sending = false));
    // A hotel's login page also answers 200: only what our server would say counts as confirmed.
    const confirmed = kind === "view" ? status === 202 : answer?.conversion_id;
    const refused = status >= 400 && status < 500 && status !== 429 && answer?.code;
    if (refused && batch.length > 1) return each(batch, (entry) => deliver([entry])); // One is bad, not its neighbours.
    if (confirmed || refused) retryDelay = SHORTEST_RETRY;
    else retryLater(patience);
    each(batch, (entry) => {
      if (confirmed || refused) discard(entry.event.event_id);
      if (refused) console.warn("Refused:", kind, answer); // Not the event: consoles are recorded, and it may hold an address.
      if (confirmed && kind === "conversion") noteConversion(entry, answer.discount_code);
      if (entry.settled) entry.settled(confirmed, answer);
    });
  }

  // A string is sent as text/plain, which spares the preflight.
  async function post(url, body) {
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN);
      const response = await fetch(url, { method: "POST", body, keepalive: true, credentials: "omit", signal });
      const patience = response.headers.get("Retry-After") * SECOND || 0;
      return { status: response.status, answer: parse(await response.text()), patience };
    } catch {
      return { status: 0, answer: null, patience: 0 }; // No network, or no answer in time.
    }
  }

  function retryLater(patience) {
    deliverIn(patience + retryDelay * (0.5 + Math.random())); // Spread, so that shoppers do not all return at once.
    retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
  }

  // ---- Variants ---------------------------------------------------------------------------------------------

  const HOLDOUT = "holdout";

  function hashOf(text) {
    let hash = 0x811c9dc5;
    each(new TextEncoder().encode(text), (byte) => (hash = Math.imul(hash ^ byte, 0x01000193)));
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  // The id of the visitor's variant, HOLDOUT, or null where the popup has no variants. Whole numbers only, so
  // that every language gets the same.
  function variantOf(popup, visitor) {
    const hash = hashOf(`${visitor}:${popup.id}`);
    if ((hash & 0xffff) * 100 < popup.holdout_percent * 65536) return HOLDOUT;
    let total = 0;
    each(popup.variants, (variant) => (total += variant.weight));
    let point = (hash >>> 16) * total;
    let chosen = null;
    each(popup.variants, (variant) => {
      point -= variant.weight * 65536;
      if (chosen === null && point < 0) chosen = variant.id;
    });
    return chosen;
  }

  // A visitor without an id keeps a variant for the visit. On agreeing, the session's id becomes the visitor's.
  const myVariant = (popup) => variantOf(popup, note.visitor || note.session.id);

  function asVariant(popup, id) {
    const made = { ...popup, variant_id: id || undefined };
    each(popup.variants, (variant) => {
      if (variant.id !== id) return;
      made.design = { ...popup.design, ...variant.design };
      made.offer = { ...popup.offer, ...variant.offer };
    });
    return made;
  }

  // ---- Counting ---------------------------------------------------------------------------------------------

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
    record("view", eventFor(popup.id, popup.variant_id));
  }

  // Only a conversion that the server has confirmed starts the second clock, and a mere click never does.
  function noteConversion(entry, discount) {
    const { type, popup_id } = entry.event;
    if (type !== "email_capture" && !(type === "click" && discount)) return;
    changeSeen(popup_id, (seen) => {
      seen.converted_at = Date.now();
      if (discount) seen.code = discount.code;
    });
    if (discount && !open) bringLate(popup_id, discount);
  }

  // ---- The popup --------------------------------------------------------------------------------------------
  // Lives in a shadow root, so that neither side's CSS reaches the other, and in the browser's top layer, so that
  // no z-index is above it. Text is text (textContent), and colours, numbers and addresses are checked once more:
  // an API that was tricked must still not be able to harm a shop.

  // In pixels and em: a shop's html { font-size: 62.5% } would shrink every rem. "medium" is the shopper's own choice.
  const STYLE = `
    :host { all: initial !important; font: medium/1.5 var(--store-font, system-ui, sans-serif) !important; position: fixed !important }
    * { box-sizing: border-box; margin: 0 }
    dialog { width: min(var(--width), 100vw - 32px); max-width: none; max-height: calc(100dvh - 32px); margin: auto;
      padding: 0; border: 0; border-radius: var(--radius); color: var(--text); background: var(--background);
      container-type: inline-size; overscroll-behavior: contain; box-shadow: 0 24px 64px #0005 }
    ::backdrop { background: #0f172a99 }
    .card, .body { display: flex; flex-direction: column; text-align: center }
    .art { height: min(176px, 25dvh); background: var(--button) }
    img { width: 100%; height: 100%; object-fit: cover; display: block }
    .body { flex: 1; justify-content: center; gap: 16px; overflow-wrap: anywhere;
      padding: max(var(--padding), 48px) var(--padding) var(--padding) }
    p { white-space: pre-line }
    h2 { font-size: clamp(1.375em, 6cqi, 1.875em); line-height: 1.2; text-wrap: balance }
    form { display: grid; gap: 12px; text-align: start }
    label { font-size: .875em }
    .agree { display: flex; gap: 12px }
    button, input, .code { font: inherit; color: inherit; min-height: 48px; padding: 8px 16px; border: 1px solid;
      background: none; border-radius: min(var(--radius), 12px) }
    input { width: 100%; margin-top: 4px; font-size: medium }
    .agree input { flex: none; width: 20px; min-height: 20px; margin: 0; accent-color: var(--button) }
    button { border: 0; cursor: pointer }
    .main { background: var(--button); color: var(--on-button); font-weight: 600 }
    .quiet { align-self: center; margin-bottom: -12px; text-decoration: underline; text-underline-offset: .2em }
    .close { display: block; position: sticky; top: 4px; z-index: 1; width: 44px; min-height: 44px; padding: 0;
      margin: 4px 4px -48px; margin-inline-start: auto; font-size: 1.5em; line-height: 1; border-radius: 50%;
      background: var(--background) }
    :focus-visible { outline: 3px solid var(--text); outline-offset: 2px }
    [tabindex] { outline: 0 }
    .code { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 8px; border: 2px dashed }
    code { flex: 1; font: 700 1.375em ui-monospace, monospace; user-select: all }
    [role] { font-weight: 600 }
    [role]:empty { display: none }
    @container (min-width: 480px) {
      .left { flex-direction: row; min-height: 352px }
      .left .body { text-align: start }
      .right { flex-direction: row-reverse }
      .left .quiet { align-self: start; padding: 0 }
      .left .art { width: 40%; height: auto; position: relative }
      .left img { position: absolute }
    }
    @media (prefers-reduced-motion: no-preference) {
      dialog { animation: rise .25s }
      @keyframes rise { from { opacity: 0; transform: translateY(12px) } }
    }`;

  const LEGIBLE = 4.5; // WCAG 2.2, 1.4.3

  const colour = (value, otherwise) => (/^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(value) ? value : otherwise);

  const between = (least, value, most, otherwise) =>
    Math.min(most, Math.max(least, value == null || isNaN(value) ? otherwise : value));

  function luminance(hex) {
    const digits = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
    const channel = (start) => {
      const share = parseInt(digits.slice(start, start + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  }

  function contrast(one, other) {
    const a = luminance(one) + 0.05;
    const b = luminance(other) + 0.05;
    return Math.max(a, b) / Math.min(a, b);
  }

  function element(name, properties, parent) {
    const made = document.createElement(name);
    eachKey(properties, (key) => {
      if (key in made) made[key] = properties[key];
      else made.setAttribute(key, properties[key]);
    });
    if (parent) parent.append(made);
    return made;
  }

  let styleSheet;
  let open = null; // what is on screen: {popup, counted, dialog, body, …}

  function show(given, counted) {
    const popup = { design: {}, offer: {}, ...given };
    const design = popup.design;
    if (!styleSheet) (styleSheet = new CSSStyleSheet()).replaceSync(STYLE);
    const host = element("div", {}, document.body);
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets[0] = styleSheet; // Assigning a list would walk it.
    const dialog = element("dialog", { tabIndex: -1, "aria-labelledby": "heading", closedby: "any" }, root);
    paint(dialog, popup.id, design);
    const layout = { left: " left", right: " left right" }[design.layout] || ""; // right is left, mirrored
    const shown = (open = { popup, counted, host, dialog });
    addButton(dialog, "close", "×", () => close(shown)).setAttribute("aria-label", WORDS.close);
    const card = element("div", { className: `card${layout}` }, dialog);
    addImage(card, design.image_url);
    shown.body = element("div", { className: "body" }, card);
    fillWithOffer(shown);
    dialog.onkeydown = keepFocusInside;
    dialog.onclose = () => close(shown); // Esc, or a press beside it
    dialog.showModal();
    dialog.focus(); // Not the first field: who was typing elsewhere must not type into the form unawares.
    if (counted) watchForView(shown);
    return shown;
  }

  function close(shown) {
    if (open !== shown) return; // The event comes after the deed.
    open = null;
    shown.dialog.close(); // Gives the focus back, which removing would not.
    shown.host.remove();
    if (!shown.counted) return;
    shown.stopWatching();
    changeSeen(shown.popup.id, (seen) => (seen.closed_at = Date.now()));
  }

  function paint(dialog, popupId, design) {
    const background = colour(design.background_color, "#ffffff");
    const text = colour(design.text_color, "#1e293b");
    const button = colour(design.button_color, "#4f46e5");
    if (contrast(text, background) < LEGIBLE) {
      console.warn(`Popup ${popupId}: ${text} on ${background} has a contrast below ${LEGIBLE}:1`);
    }
    const properties = {
      background,
      text,
      button,
      "on-button": contrast("#ffffff", button) < LEGIBLE ? "#000000" : "#ffffff", // One of the two always is legible.
      width: `${between(200, design.width, 1200, 500)}px`,
      radius: `${between(0, design.border_radius, 50, 12)}px`,
      padding: `${between(10, design.padding, 100, 32)}px`,
    };
    eachKey(properties, (name) => dialog.style.setProperty(`--${name}`, properties[name]));
  }

  // The frame has its size before the image arrives, so that nothing jumps.
  function addImage(card, address) {
    if (!/^https:\/\//i.test(address)) return;
    const frame = element("div", { className: "art" }, card);
    const image = element("img", { alt: "", referrerPolicy: "no-referrer", src: address }, frame);
    image.onerror = () => image.remove();
  }

  function addButton(parent, className, textContent, onclick) {
    return element("button", { type: onclick ? "button" : "submit", className, textContent, onclick }, parent);
  }

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

  // ---- What the shopper does --------------------------------------------------------------------------------

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

  // The dialog makes the page inert by itself; this keeps Tab from wandering off into the browser's own bars.
  function keepFocusInside(event) {
    event.stopPropagation(); // What is typed here is no shortcut of the shop's.
    const stops = open.dialog.querySelectorAll("button, input");
    const first = stops[0];
    const last = stops[stops.length - 1];
    const at = open.dialog.getRootNode().activeElement;
    if (event.key !== "Tab" || (event.shiftKey ? at !== first && at !== open.dialog : at !== last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }

  // ---- Rules ------------------------------------------------------------------------------------------------
  // Each is named after the field it reads, and the first that says no is what explain() reports.
  // A cart nobody told us about is an empty one.

  const anyOf = (list, test) => !list.length || some(list, test);
  const passed = (at, days) => !at || Date.now() - at >= days * DAY;
  const cart = () => note.session.cart || { value: 0, items: 0 };

  // "*" is any text. Walked without a regular expression: no pattern can make it slow.
  function matches(pattern, text) {
    const parts = pattern.split("*");
    const last = parts[parts.length - 1];
    if (parts.length === 1) return pattern === text;
    if (!text.startsWith(parts[0]) || !text.endsWith(last)) return false;
    let at = parts[0].length;
    for (let i = 1; i < parts.length - 1; i++) {
      const found = text.indexOf(parts[i], at);
      if (found < 0) return false;
      at = found + parts[i].length;
    }
    return at + last.length <= text.length;
  }

  // Patterns are written as people read addresses: "/café", not "/caf%C3%A9".
  function onPage(pattern) {
    let path = location.pathname + (pattern.includes("?") ? location.search : "");
    try {
      path = decodeURI(path);
    } catch {
      // Not UTF-8: compared as it is.
    }
    return matches(pattern, path);
  }

  // "shop.example" stands for the host and its subdomains; anything longer is a pattern for the whole address.
  function cameFrom(pattern) {
    const address = note.session.referrer.replace(/^https?:\/\//, "");
    if (/[*/]/.test(pattern)) return matches(pattern.replace(/^https?:\/\//, ""), address);
    return `.${address.split("/")[0]}`.endsWith(`.${pattern}`);
  }

  const RULES = {
    targeting: {
      device_types: (types) => anyOf(types, (type) => type === deviceType()),
      exclude_pages: (pages) => !some(pages, onPage),
      include_pages: (pages) => anyOf(pages, onPage),
      visitors: (kind) => kind === "all" || kind === (note.visits > 1 ? "returning" : "new"),
      referrers: (hosts) => anyOf(hosts, cameFrom),
      utm: (wanted) => !some(Object.keys(wanted), (name) => !matches(wanted[name], note.session.utm[name] || "")),
      min_cart_value: (least) => cart().value >= least,
      max_cart_value: (most) => cart().value <= most,
      min_cart_items: (least) => cart().items >= least,
    },
    frequency: {
      days_after_conversion: (days, seen) => passed(seen.converted_at, days),
      days_after_close: (days, seen) => passed(seen.closed_at, days),
      max_per_session: (most, seen) => seen.session !== note.session.id || seen.shown < most,
    },
  };

  // Why this popup may not show now, or null. A rule that was left out does not say no.
  function firstNo(popup) {
    const seen = note.seen[popup.id] || {};
    let no = null;
    if (open || document.querySelector(":modal")) no = "another dialog is open";
    else if (shownHere[popup.id] && popup.trigger.type !== "click") no = "already shown on this page";
    eachKey(RULES, (group) => {
      eachKey(RULES[group], (field) => {
        const value = popup[group]?.[field];
        if (!no && value != null && !RULES[group][field](value, seen)) no = `${group}.${field}`;
      });
    });
    return no;
  }

  // ---- Triggers ---------------------------------------------------------------------------------------------
  // The server sends the highest priority first: where one event suits several popups, the first allowed one shows.

  const SHORT_AWAY = 5 * SECOND;

  let popups = [];
  let page; // its address: a single-page shop changes it without loading
  let arrivedAt = Date.now();
  let shownHere = {}; // popup ids: on one page each shows once, unless the shopper asks for it by a click
  let timers = {};
  let lastActive = Date.now();
  let lastClick = 0;
  let touch; // whether the shopper has fingers here, and no mouse

  function findPopup(id) {
    let found;
    some(popups, (popup) => popup.id === id && (found = popup));
    return found;
  }

  function fire(type, suits) {
    if (open && !open.host.isConnected) close(open);
    if (open || document.hidden) return false;
    return some(popups, (popup) => {
      if (popup.trigger.type !== type || (suits && !suits(popup))) return false;
      keepSession();
      return !firstNo(popup) && bringUp(popup);
    });
  }

  function bringUp(popup) {
    const chosen = asVariant(popup, myVariant(popup));
    shownHere[popup.id] = true;
    changeSeen(popup.id, (seen) => {
      seen.shown = seen.session === note.session.id ? seen.shown + 1 : 1;
      seen.session = note.session.id;
      if (chosen.variant_id === HOLDOUT) seen.closed_at = Date.now(); // Its clocks run as the others' do.
    });
    if (chosen.variant_id === HOLDOUT) countView(chosen);
    else show(chosen, true);
    return true;
  }

  function arrive() {
    page = location.pathname + location.search;
    shownHere = {};
    scroll.deepest = scroll.percent = 0;
    keepSession();
    noteArrival();
    startTimers();
  }

  function startTimers() {
    eachKey(timers, (id) => clearTimeout(timers[id]));
    each(popups, (popup) => {
      if (popup.trigger.type === "time_delay") fireAfter(popup, () => arrivedAt);
      if (popup.trigger.type === "inactivity") fireAfter(popup, () => lastActive);
    });
  }

  // Looks again when the moment counted from has moved on meanwhile, or nobody is looking at the tab.
  function fireAfter(popup, since) {
    const left = since() + popup.trigger.delay_seconds * SECOND - Date.now();
    if (left <= 0 && !document.hidden) return fire(popup.trigger.type, (other) => other === popup);
    timers[popup.id] = setTimeout(() => fireAfter(popup, since), left > 0 ? Math.min(left, DAY) : SECOND);
  }

  // A click may have opened a menu or the developer tools, which take the pointer out of the page as well, or
  // have asked for the way back to the top.
  const exit = () => Date.now() - Math.max(arrivedAt, lastClick) > SECOND && fire("exit_intent");

  function watchMouse() {
    const NOWHERE = -Infinity;
    let lastY = NOWHERE;
    addEventListener("mousemove", (event) => (lastY = event.clientY));
    addEventListener("contextmenu", () => (lastY = NOWHERE)); // Until the pointer is back on the page.
    document.addEventListener("mouseout", (event) => {
      const byTheTop = !event.relatedTarget && event.clientY <= 0 && lastY > event.clientY;
      if (byTheTop && !event.buttons && !document.querySelector("select:focus")) exit();
    });
  }

  // On a touch screen the way out is up: back to the address bar after having read, or off to another tab. The
  // back button stays the shopper's.
  function watchTouch() {
    let awayAt = 0;
    let leaving = false;
    addEventListener("pagehide", () => (leaving = true));
    addEventListener("pageshow", () => (leaving = false));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && awayAt && Date.now() - awayAt > SHORT_AWAY) exit();
      awayAt = document.hidden && !leaving ? Date.now() : 0;
    });
  }

  const scroll = { y: 0, deepest: 0, percent: 0, from: 0, since: 0 };

  function onScroll(event) {
    const area = event.target === document ? document.scrollingElement : event.target;
    if (!area || area.clientHeight < innerHeight / 2) return; // A list or a carousel, not the page.
    const y = area.scrollTop;
    const room = area.scrollHeight - area.clientHeight;
    const percent = room && (y / room) * 100 + 0.5; // Fractions of a pixel must not keep anyone from 100 %.
    fire("scroll_percentage", ({ trigger: { scroll_percentage: due } }) => scroll.percent < due && due <= percent);
    scroll.percent = Math.max(scroll.percent, percent);
    if (touch) noticeRush(area, y);
  }

  // Half a screen upwards within 300 ms, after at least one screen of reading down.
  function noticeRush(area, y) {
    const now = Date.now();
    if (area !== scroll.area) Object.assign(scroll, { area, y, from: y, deepest: 0 });
    if (y >= scroll.y) Object.assign(scroll, { from: y, since: now, deepest: Math.max(scroll.deepest, y) });
    else if (now - scroll.since > 300) Object.assign(scroll, { from: scroll.y, since: now });
    scroll.y = y;
    if (scroll.deepest >= innerHeight && scroll.from - y > innerHeight / 2) exit();
  }

  function onClick(event) {
    const fired = fire("click", ({ trigger }) => {
      try {
        return event.target.closest(trigger.selector);
      } catch {
        return false; // Not a selector.
      }
    });
    if (fired) event.preventDefault();
  }

  function onActivity() {
    lastActive = Date.now();
    if (lastActive - note.session.at > MINUTE / 2) keepSession();
    noticePage();
  }

  function noticePage() {
    if (location.pathname + location.search === page) return;
    arrivedAt = Date.now();
    arrive();
  }

  function watch() {
    each(["mousemove", "pointerdown", "keydown", "touchmove", "scroll"], (name) => {
      addEventListener(name, onActivity, true);
    });
    addEventListener("scroll", onScroll, true);
    touch = deviceType() !== "desktop";
    addEventListener(touch ? "click" : "pointerdown", () => (lastClick = Date.now()), true);
    addEventListener("click", onClick, true);
    addEventListener("popstate", noticePage);
    if (window.navigation) navigation.addEventListener("currententrychange", noticePage);
    if (touch) watchTouch();
    else watchMouse();
  }

  // ---- What the shop may call -------------------------------------------------------------------------------

  const ATTRIBUTED_FOR = 30 * DAY;

  const api = {
    // cart({value: "49.90", currency: "EUR", items: 3}): what targeting's cart fields are compared with.
    cart({ value, currency, items }) {
      keepSession();
      changeNote(() => (note.session.cart = { value: +value || 0, currency, items: +items || 0 }));
    },

    // purchase({order_id, revenue, currency, discount_code?}): on the thank-you page; reloading it is harmless.
    purchase({ order_id, revenue, currency, discount_code }) {
      keepSession();
      const popupId = popupBehind(discount_code);
      if (!order_id || note.order === order_id) return;
      changeNote(() => (note.order = order_id));
      if (!popupId) return;
      const event = eventFor(popupId, note.seen[popupId].variant);
      event.order_id = `${order_id}`;
      event.discount_code = discount_code || undefined;
      record("conversion", { ...event, type: "purchase", revenue: +(+revenue).toFixed(4) || revenue, currency: currency?.toUpperCase() });
      if (discount_code) record("conversion", { ...event, type: "discount_code_used" }); // The order's use, named twice.
    },

    // consent(true) lets notes outlive the tab; consent(false) removes them, with all that was not yet delivered.
    // What was closed in this visit stays closed either way.
    consent(given) {
      keepSession();
      if (given && lasting) return changeNote(() => (note.agreed = true));
      collectEvents();
      if (!given && note.refused) return;
      const { session, seen, visits } = note;
      eraseNotes();
      lasting = true;
      if (given) {
        const older = stored(NOTE) || { visits: 0 }; // Another tab may have been told before this one.
        note = { ...older, agreed: true, visits: older.visits + visits, seen: { ...older.seen, ...seen }, session };
        note.visitor = older.visitor || session.id;
        eachKey(outbox, keepEvent);
      } else {
        eraseNotes();
        lasting = false;
        note = { refused: true, visits: 1, seen, session: { ...session, id: newId() } };
        eachKey(outbox, discard);
      }
      store(NOTE, note);
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
      if (open) close(open);
      show(findPopup(popup) || popup, false);
    },

    // variant(popup, visitor_id): the id of the variant that this visitor gets, "holdout", or null.
    variant: variantOf,

    push(call) {
      api[call[0]](call[1]);
    },
  };

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

  // ---- Start ------------------------------------------------------------------------------------------------

  let trouble = "not loaded"; // why there are no popups, for explain()

  async function loadPopups() {
    try {
      const url = `${POPUPS_URL}?shop_id=${encodeURIComponent(settings.shop)}`;
      const response = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(ANSWER_WITHIN) });
      trouble = response.ok ? "" : `answered ${response.status}`;
      popups = (response.ok && (await response.json()).popups) || [];
    } catch {
      trouble = "no answer";
    }
  }

  // What the page asked for before this file had arrived.
  function catchUp() {
    each(queued, (call) => {
      try {
        api.push(call);
      } catch (error) {
        console.error(error); // The page's mistake is not to stop the rest.
      }
    });
    queued = null;
  }

  async function start() {
    catchUp();
    arrive(); // Before there are popups: a shopper in a hurry still came from somewhere.
    addEventListener("online", deliverAll);
    document.addEventListener("visibilitychange", () => document.hidden && deliverAll());
    addEventListener("storage", ({ key, newValue }) => lasting && key === NOTE && !newValue && api.consent(false));
    deliverAll(); // Whatever becomes of the popups.
    await loadPopups();
    startTimers();
    if (popups.length) watch();
  }

  function startWhenIdle() {
    arrivedAt = Date.now();
    if (window.requestIdleCallback) requestIdleCallback(start, { timeout: 2 * SECOND });
    else setTimeout(start, SECOND / 5);
  }

  let queued = window.exitIntent;
  window.exitIntent = api;
  addEventListener("pagehide", deliverBlindly);
  if (document.readyState === "complete") startWhenIdle();
  else addEventListener("load", startWhenIdle);
})();
