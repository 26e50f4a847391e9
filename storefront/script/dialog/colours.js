// A design's colours and sizes, and whether it can be read. All that the style sheet asks for is set here, so that
// nothing of the page's own is inherited in its place.

import { eachKey } from "../shared/lists.js";

const LEGIBLE = 4.5; // WCAG 2.2, 1.4.3
const VISIBLE = 1.5; // A button of less is taken for text.

// Of errors: for light cards, and for dark ones.
const RED = "#b42318";
const PINK = "#ffb4a9";

const SIZES = { width: 500, border_radius: 12, padding: 32 };

/**
 * @param {string | undefined} value
 * @param {string} otherwise
 */
const colour = (value, otherwise) => (/^#([0-9a-f]{3}){1,2}$/i.test(value || "") ? `${value}` : otherwise);

/**
 * One of a colour's three channels, 0 to 255.
 *
 * @param {string} hex
 * @param {number} number
 */
function channel(hex, number) {
  const digits = (hex.length - 1) / 3;
  const start = 1 + number * digits;
  return (parseInt(hex.slice(start, start + digits), 16) * 255) / (16 ** digits - 1);
}

/** @param {string} hex */
function luminance(hex) {
  const linear = (/** @type {number} */ number) => {
    const share = channel(hex, number) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(0) + 0.7152 * linear(1) + 0.0722 * linear(2);
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
 * Three quarters of one and a quarter of the other.
 *
 * @param {string} one
 * @param {string} other
 */
function mixed(one, other) {
  const of = (/** @type {number} */ number) => {
    const value = Math.round(channel(one, number) * 0.75 + channel(other, number) * 0.25);
    return (256 + value).toString(16).slice(1);
  };
  return `#${of(0)}${of(1)}${of(2)}`;
}

/**
 * @param {HTMLElement} painted
 * @param {Popup} popup
 */
export function paint(painted, { id, design }) {
  const background = colour(design.background_color, "#ffffff");
  const text = colour(design.text_color, "#1e293b");
  const button = colour(design.button_color, "#4f46e5");
  const isLegible = (/** @type {string} */ one) => contrast(one, background) >= LEGIBLE;
  const isDark = contrast("#ffffff", button) >= LEGIBLE; // Black or white: one of the two always is legible.
  const soft = mixed(text, background);
  if (!isLegible(text)) console.warn(`Popup ${id}: ${text} on ${background} has a contrast below ${LEGIBLE}:1`);
  const colours = {
    background,
    text,
    button,
    soft: isLegible(soft) ? soft : text,
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
