// Experiments: which variant a visitor sees.

const HOLDOUT = "holdout";

function hashOf(text) {
  let hash = 0x811c9dc5;
  each(new TextEncoder().encode(text), (byte) => (hash = Math.imul(hash ^ byte, 0x01000193)));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

// The id of the visitor's variant, HOLDOUT, or null where the popup has no variants. Whole numbers only, so
// that every language gets the same.
function variantOf(popup, visitor) {
  const hash = hashOf(`${visitor}:${popup.id}`);
  if ((hash & 0xffff) * 100 < popup.holdout_percent * 65536) return HOLDOUT;
  let total = 0;
  each(popup.variants, (variant) => (total += variant.weight));
  let point = (hash >>> 16) * total;
  let chosen = null;
  each(popup.variants, (variant) => {
    point -= variant.weight * 65536;
    if (chosen === null && point < 0) chosen = variant.id;
  });
  return chosen;
}

// A visitor without an id keeps a variant for the visit. On agreeing, the session's id becomes the visitor's.
const myVariant = (popup) => variantOf(popup, note.visitor || note.session.id);

function asVariant(popup, id) {
  const made = { ...popup, variant_id: id || undefined };
  each(popup.variants, (variant) => {
    if (variant.id !== id) return;
    made.design = { ...popup.design, ...variant.design };
    made.offer = { ...popup.offer, ...variant.offer };
  });
  return made;
}
