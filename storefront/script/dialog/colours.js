// A design's colours and sizes, and whether it can be read.

import { each } from "../shared/lists.js";

const LEGIBLE = 4.5; // WCAG 2.2, 1.4.3

/**
 * @param {string | undefined} value
 * @param {string} otherwise
 */
const colour = (value, otherwise) => (/^#([0-9a-f]{3}){1,2}$/i.test(value || "") ? `${value}` : otherwise);

/** @param {string} hex */
function luminance(hex) {
  const digits = (hex.length - 1) / 3; // of each channel
  const channel = (/** @type {number} */ number) => {
    const start = 1 + number * digits;
    const share = parseInt(hex.slice(start, start + digits), 16) / (16 ** digits - 1);
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2);
}

/**
 * @param {string} one
 * @param {string} other
 */
function contrast(one, other) {
  const ratio = (luminance(one) + 0.05) / (luminance(other) + 0.05);
  return Math.max(ratio, 1 / ratio);
}

/**
 * @param {HTMLElement} dialog
 * @param {Popup} popup
 */
export function paint(dialog, { id, design }) {
  const set = (/** @type {string} */ name, /** @type {string} */ value) => dialog.style.setProperty(`--${name}`, value);
  const background = colour(design.background_color, "#fff");
  const text = colour(design.text_color, "#1e293b");
  const button = colour(design.button_color, "#4f46e5");
  if (contrast(text, background) < LEGIBLE) {
    console.warn(`Popup ${id}: ${text} on ${background} has a contrast below ${LEGIBLE}:1`);
  }
  dialog.style.background = background;
  set("text", text);
  set("button", button);
  set("on-button", contrast("#fff", button) < LEGIBLE ? "#000" : "#fff"); // One of the two always is legible.
  each(["width", "border_radius", "padding"], (name) => {
    const pixels = parseFloat(/** @type {any} */ (design)[name]);
    if (pixels >= 0) set(name, `${pixels}px`); // The style sheet has the limits, and what holds otherwise.
  });
}
