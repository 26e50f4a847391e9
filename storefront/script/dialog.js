// The popup on screen. It lives in a shadow root, so that neither side's CSS reaches the other, and in the browser's
// top layer, so that no z-index is above it. Text is text (textContent), and colours, numbers and addresses are
// checked once more: an API that was tricked must still not be able to harm a shop.

let open = null; // the popup on screen, and with it whether it is counted, was viewed and answered, and its conversion
let host; // its element in the page
let dialog;

function element(parent, name, properties, text) {
  const made = document.createElement(name);
  eachKey(properties, (key) => {
    if (key in made) made[key] = properties[key];
    else made.setAttribute(key, properties[key]);
  });
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

function addButton(parent, className, text, onclick, more) {
  return element(parent, "button", { className, onclick, ...more }, text);
}

function show(popup, counted) {
  open = popup;
  popup.counted = counted;
  host = element(document.body, "div");
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets[0] = new CSSStyleSheet(); // Assigning a list would walk it.
  root.adoptedStyleSheets[0].replaceSync(STYLE);
  dialog = element(root, "dialog", { tabIndex: -1, "aria-labelledby": "heading", closedby: "any" });
  paint(popup);
  addButton(dialog, "close", "×", () => close(popup), { "aria-label": WORDS.close });
  const layout = { left: " left", right: " left right" }[popup.design.layout] || ""; // right is left, mirrored
  const card = element(dialog, "div", { className: `card${layout}` });
  addImage(card, popup.design.image_url);
  const body = element(card, "div", { className: "body" });
  fillWithOffer(popup, body);
  dialog.onkeydown = keepFocusInside;
  dialog.onclose = () => close(popup); // Esc, or a press beside it
  dialog.showModal();
  dialog.focus(); // Not the first field: who was typing elsewhere must not type into the form unawares.
  if (counted) watchForView(popup);
  return body;
}

function close(popup) {
  if (open !== popup) return; // The event comes after the deed.
  takeDown();
  if (popup.counted) changeSeen(popup.id, (seen) => (seen.closed_at = Date.now()));
  bringDue();
}

// Not by the shopper.
function takeDown() {
  open = null;
  dialog.close(); // Gives the focus back, which removing would not.
  host.remove();
}

// Seen means: at least half of it on screen, for half a second. Counted once per showing.
function watchForView(popup) {
  let timer;
  const look = (entries) => {
    clearTimeout(timer);
    if (entries[entries.length - 1].intersectionRatio >= 0.5) timer = setTimeout(() => count(popup), SECOND / 2);
  };
  new IntersectionObserver(look, { threshold: 0.5 }).observe(dialog);
}

function count(popup) {
  if (popup.viewed || open !== popup) return;
  popup.viewed = true;
  countView(popup);
}

// The frame has its size before the image arrives, so that nothing jumps.
function addImage(card, address) {
  if (!/^https:\/\//i.test(address)) return;
  const frame = element(card, "div", { className: "art" });
  const onerror = ({ target }) => target.remove();
  element(frame, "img", { alt: "", referrerPolicy: "no-referrer", onerror, src: address });
}

// The dialog makes the page inert by itself; this keeps Tab from wandering off into the browser's own bars.
function keepFocusInside(event) {
  event.stopPropagation(); // What is typed here is no shortcut of the shop's.
  const stops = dialog.querySelectorAll("button, input");
  const last = stops.length - 1;
  const back = event.shiftKey;
  const at = dialog.getRootNode().activeElement;
  if (event.key !== "Tab" || (at !== stops[back ? 0 : last] && !(back && at === dialog))) return;
  event.preventDefault();
  stops[back ? last : 0].focus();
}
