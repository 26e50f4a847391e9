// The script's own tag: what its attributes say, and the words that a shop may replace.

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

const settings = script.dataset;
const addressOf = (given, name) => given || `${(settings.api || "").replace(/\/$/, "")}/${name}`;
const POPUPS_URL = addressOf(settings.getActivePopups, "get_active_popups");
const EVENT_URLS = {
  view: addressOf(settings.trackView, "track_view"),
  conversion: addressOf(settings.trackConversion, "track_conversion"),
};
if (settings.words) Object.assign(WORDS, parse(settings.words));
