// The popup on screen.

// Lives in a shadow root, so that neither side's CSS reaches the other, and in the browser's top layer, so that
// no z-index is above it. Text is text (textContent), and colours, numbers and addresses are checked once more:
// an API that was tricked must still not be able to harm a shop.

const between = (least, value, most, otherwise) =>
  Math.min(most, Math.max(least, value == null || isNaN(value) ? otherwise : value));

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
