// A design's colours and sizes, and whether it can be read. All that the style sheet asks for is set here, so that
// nothing of the page's own is inherited in its place.

import { eachKey } from "./lists.js";

const LEGIBLE = 4.5; // WCAG 2.2, 1.4.3
const SOFT = 0.75; // Of so much of the text's colour are its lesser words.
const VISIBLE = 1.5; // A button of less is taken for text.

// Of errors: for light cards, and for dark ones.
const RED = "#b42318";
const PINK = "#ffb4a9";

const SIZES = { width: 500, border_radius: 12, padding: 32 };

/**
 * In six digits.
 *
 * @param {string | undefined} value
 * @param {string} otherwise
 */
const colour = (value, otherwise) =>
  /^#([0-9a-f]{3}){1,2}$/i.test(value || "") ? `${value}`.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3") : otherwise;

/**
 * Relative luminance (WCAG), of as much as `share` of a colour on another one.
 *
 * @param {string} over
 * @param {string} under
 * @param {number} share
 */
function luminance(over, under, share) {
  const linear = (/** @type {number} */ at) => {
    const channel = (/** @type {string} */ hex) => parseInt(hex.slice(at, at + 2), 16) / 255;
    const mixed = channel(over) * share + channel(under) * (1 - share);
    return mixed <= 0.04045 ? mixed / 12.92 : ((mixed + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5);
}

/**
 * @param {string} one
 * @param {string} other
 * @param {number} [share] how much there is of the first on the other
 */
function contrast(one, other, share = 1) {
  const ratio = (luminance(one, other, share) + 0.05) / (luminance(other, other, 1) + 0.05);
  return Math.max(ratio, 1 / ratio);
}

/**
 * @param {HTMLElement} painted
 * @param {Popup} popup
 */
export function paint(painted, { id, design }) {
  const background = colour(design.background_color, "#ffffff");
  const text = colour(design.text_color, "#1e293b");
  const button = colour(design.button_color, "#4f46e5");
  const isLegible = (/** @type {string} */ one, /** @type {number} */ share = 1) =>
    contrast(one, background, share) >= LEGIBLE;
  const isDark = contrast("#ffffff", button) >= LEGIBLE; // Black or white: one of the two always is legible.
  if (!isLegible(text)) console.warn(`Popup ${id}: ${text} on ${background} has a contrast below ${LEGIBLE}:1`);
  const colours = {
    background,
    text,
    button,
    soft: isLegible(text, SOFT) ? `color-mix(in srgb, ${text} ${100 * SOFT}%, ${background})` : text,
    error: isLegible(RED) ? RED : isLegible(PINK) ? PINK : text,
    "on-button": isDark ? "#ffffff" : "#000000",
    pressed: isDark ? "#000000" : "#ffffff", // Mixed into the button's colour, it can only be read better.
    edge: contrast(button, background) < VISIBLE ? text : "#0000",
  };
  const set = (/** @type {string} */ name, /** @type {string} */ value) =>
    painted.style.setProperty(`--our-${name}`, value);
  eachKey(colours, (name) => set(name, /** @type {any} */ (colours)[name]));
  eachKey(SIZES, (name) => {
    const pixels = parseFloat(/** @type {any} */ (design)[name]);
    set(name, `${pixels >= 0 ? pixels : /** @type {any} */ (SIZES)[name]}px`); // The style sheet has the limits.
  });
  painted.style.colorScheme = contrast("#ffffff", background) < LEGIBLE ? "light" : "dark"; // of fields and bars
}
