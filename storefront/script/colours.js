// Whether a design can be read.

const LEGIBLE = 4.5; // WCAG 2.2, 1.4.3

const colour = (value, otherwise) => (/^#([0-9a-f]{3}){1,2}$/i.test(value) ? value : otherwise);

function luminance(hex) {
  const digits = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
  const channel = (start) => {
    const share = parseInt(digits.slice(start, start + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(one, other) {
  const a = luminance(one) + 0.05;
  const b = luminance(other) + 0.05;
  return Math.max(a, b) / Math.min(a, b);
}
