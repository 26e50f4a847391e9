/* The page on which everything can be tried by hand: previews, explain() and what is kept about the visitor. */
"use strict";

const TEXT = "Take ten percent off your first order with you.";
const LETTER = "Write to me about plants and offers. I can unsubscribe at any time.";
const EMAIL = { type: "email_capture", has_code: true, consent_text: LETTER };
const LEAF = { button_color: "#2f6b4f" };
const NIGHT = { background_color: "#14532d", text_color: "#f0fdf4", button_color: "#bbf7d0" };

const LEAVING = { ...LEAF, heading: "Leaving so soon?", subheading: TEXT, button_text: "Show my code" };
const SHIPPING = { ...LEAF, heading: "Shipping is on us", button_text: "Ship it free", width: 360 };
const NEWS = { heading: "The monthly letter", button_text: "Subscribe", border_radius: 0 };
const PALE = { heading: "See the console", subheading: "It warns of this contrast.", text_color: "#c5c5c5" };

const PREVIEWS = {
  "Centered": { design: LEAVING, offer: EMAIL },
  "Left": { design: { ...LEAVING, layout: "left", width: 640 }, offer: EMAIL },
  "Right, dark": { design: { ...LEAVING, ...NIGHT, layout: "right", width: 640 }, offer: EMAIL },
  "A click for a code": { design: SHIPPING, offer: { type: "free_shipping", has_code: true } },
  "News only": { design: NEWS, offer: { type: "newsletter", consent_text: LETTER } },
  "Hard to read": { design: PALE, offer: { type: "none" } },
};

function fillExplanation(table) {
  const told = exitIntent.explain();
  table.replaceChildren(row("th", "Trigger", "Variant", "Shows", "Because"));
  for (const { trigger, variant, would_show, reason } of told) {
    table.append(row("td", trigger, variant || "none", would_show ? "yes" : "no", reason || "nothing is in its way"));
  }
}

function fillNotes(area) {
  const all = [...Object.entries(localStorage), ...Object.entries(sessionStorage)];
  const kept = all.filter(([key]) => key.startsWith("store-notes"));
  const readable = ([key, value]) => `${key}\n${JSON.stringify(JSON.parse(value), null, 2)}`;
  area.textContent = kept.map(readable).join("\n\n") || "Nothing.";
}

function refresh() {
  fillExplanation(place("explain"));
  fillNotes(place("notes"));
}

const ACTS = {
  refresh() {},
  navigate() { history.pushState({}, "", `/try.html?visit=${Date.now()}`) },
  agree() { exitIntent.consent(true) },
  refuse() { exitIntent.consent(false) },
  forget() { localStorage.clear(); sessionStorage.clear(); location.reload() },
};

for (const button of document.querySelectorAll("[data-act]")) {
  button.onclick = () => {
    ACTS[button.dataset.act]();
    refresh();
  };
}
for (const [name, popup] of Object.entries(PREVIEWS)) {
  const onclick = () => exitIntent.preview({ id: "preview", ...popup });
  place("previews").append(make("button", { className: "button plain", type: "button", textContent: name, onclick }));
}

/* The script waits for a quiet moment, and then for its popups. */
function refreshUntilTold() {
  refresh();
  if (place("explain").rows.length < 2) setTimeout(refreshUntilTold, 500);
}
addEventListener("load", () => setTimeout(refreshUntilTold, 500));
