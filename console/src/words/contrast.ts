// Whether colours can be read together (WCAG 2.2, 1.4.3).

export const LEGIBLE = 4.5;

const HEX = /^#([0-9a-f]{3}){1,2}$/i;
export const isHex = (text: string) => HEX.test(text);

/** "#abc" as "#aabbcc", which is all that the browser's own chooser takes. */
export function sixDigits(hex: string): string {
  return (hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex).toLowerCase();
}

function luminance(hex: string): number {
  const number = Number.parseInt(sixDigits(hex).slice(1), 16);
  const channel = (shift: number) => {
    const share = ((number >> shift) & 255) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0);
}

/** From 1 (the same) to 21 (black on white). */
export function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

export interface Legibility {
  isLegible: boolean;
  text: string;
}

/** Said beside a colour while it is chosen. Nothing where one of them is not a colour yet. */
export function legibility(text: string, background: string): Legibility | null {
  if (!isHex(text) || !isHex(background)) return null;
  const ratio = contrast(text, background);
  const told = `${(Math.floor(ratio * 10) / 10).toFixed(1)} : 1`;
  if (ratio >= LEGIBLE) return { isLegible: true, text: `Contrast ${told}: easy to read.` };
  return { isLegible: false, text: `Contrast ${told}: hard to read. At least ${LEGIBLE} : 1 is needed.` };
}

/** Black or white, whichever is read better on it. */
export const readableOn = (background: string) =>
  contrast("#ffffff", background) >= contrast("#000000", background) ? "#ffffff" : "#000000";
