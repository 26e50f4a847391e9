// What the shopper has in hand. Phones with a pen claim a mouse, and remote desktops neither mouse nor finger. So what
// the shopper does first counts where the browser's word is doubtful, but for a small screen.

/** @type {string | undefined} */
let firstPointer;

/** @param {Event} event */
export function notePointer(event) {
  firstPointer ||= /** @type {PointerEvent} */ (event).pointerType;
}

export function deviceType() {
  const isSmall = Math.min(screen.width, screen.height) < 600;
  const fine = matchMedia("(hover: hover) and (pointer: fine)").matches;
  const isDesktop = fine ? !isSmall || !navigator.maxTouchPoints : !isSmall && firstPointer === "mouse";
  return isDesktop ? "desktop" : isSmall ? "mobile" : "tablet";
}
