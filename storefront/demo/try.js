/* The page on which everything can be tried by hand: previews, explain() and what is kept about the visitor. */
"use strict";

const TEXT = "Take ten percent off your first order with you.";
const LETTER = "Write to me about plants and offers. I can unsubscribe at any time.";
const EMAIL = { type: "email_capture", has_code: true, consent_text: LETTER };
const LEAF = { button_color: "#2f6b4f" };
const NIGHT = { background_color: "#14532d", text_color: "#f0fdf4", button_color: "#bbf7d0" };

const PREVIEWS = {
  "Centered": { design: { ...LEAF, heading: "Leaving so soon?", subheading: TEXT, button_text: "Show my code" }, offer: EMAIL },
  "Left": { design: { ...LEAF, heading: "Leaving so soon?", subheading: TEXT, button_text: "Show my code", layout: "left", width: 640 }, offer: EMAIL },
  "Right, dark": { design: { ...NIGHT, heading: "Leaving so soon?", subheading: TEXT, button_text: "Show my code", layout: "right", width: 640 }, offer: EMAIL },
  "A click for a code": { design: { ...LEAF, heading: "Shipping is on us", button_text: "Ship it free", width: 360 }, offer: { type: "free_shipping", has_code: true } },
  "News only": { design: { heading: "The monthly letter", button_text: "Subscribe", border_radius: 0 }, offer: { type: "newsletter", consent_text: LETTER } },
  "Hard to read": { design: { heading: "See the console", subheading: "It warns of this contrast.", text_color: "#c5c5c5" }, offer: { type: "none" } },
};

function fillExplanation(table) {
  const told = exitIntent.explain();
  const row = (tag, ...texts) => make("tr", {}, ...texts.map((textContent) => make(tag, { textContent })));
  table.replaceChildren(row("th", "Trigger", "Variant", "Shows", "Because"));
  for (const { trigger, variant, would_show, reason } of told) {
    table.append(row("td", trigger, variant || "none", would_show ? "yes" : "no", reason || "nothing is in its way"));
  }
}

function fillNotes(area) {
  const kept = [...Object.entries(localStorage), ...Object.entries(sessionStorage)].filter(([key]) => key.startsWith("store-notes"));
  area.textContent = kept.map(([key, value]) => `${key}\n${JSON.stringify(JSON.parse(value), null, 2)}`).join("\n\n") || "Nothing.";
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
  place("previews").append(make("button", { className: "button plain", type: "button", textContent: name,
    onclick: () => exitIntent.preview({ id: "preview", ...popup }) }));
}
addEventListener("load", () => setTimeout(refresh, 1000)); // The script waits for a quiet moment too.
