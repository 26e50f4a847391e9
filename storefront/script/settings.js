// The script's own tag: what its attributes say, and the words that a shop may replace with its own.

// Written for browsers since March 2023; older ones are left in peace.
if (!("adoptedStyleSheets" in document)) return;
if (window.exitIntent?.explain) return; // A second tag of the same script.

const settings = (document.currentScript || document.querySelector("script[data-shop]"))?.dataset;
if (!settings?.shop) return console.warn("No popups: no data-shop");

function attempt(act) {
  try {
    return act();
  } catch (error) {
    console.debug(error); // For whoever looks into it: storage may be blocked, a call of the shop's be wrong.
  }
}

const parse = (text) => attempt(() => JSON.parse(text));
const listen = (name, act) => addEventListener(name, act, true);

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
if (settings.words) Object.assign(WORDS, parse(settings.words));

const addressOf = (given, name) => given || `${(settings.api || "").replace(/\/$/, "")}/${name}`;
