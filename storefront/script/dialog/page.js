// What of the page is ours while a popup is open: it does not scroll under it.

/**
 * Until what it answers is called, or the popup has gone with the body that a shop replaced.
 *
 * The viewport scrolls as the root says or, where that says nothing, the body. Set on the other one of the two it would
 * make that one scroll, and what is sticky in it would jump. What the scroll bar took stays taken.
 *
 * @param {Element} dialog
 */
export function holdPage(dialog) {
  const root = document.documentElement;
  const scrolling = getComputedStyle(root).overflowY === "visible" ? document.body : root;
  const hasBar = innerWidth > root.clientWidth;
  const giveBar = hasBar ? changed(root, "scrollbar-gutter", "stable") : null;
  const giveScrolling = changed(scrolling, "overflow", "hidden");
  const watch = new ResizeObserver(() => dialog.isConnected || release()); // Who is gone has no size.
  function release() {
    watch.disconnect();
    giveScrolling();
    giveBar?.();
  }
  watch.observe(dialog);
  return release;
}

/**
 * Answers what changes it back.
 *
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} value
 */
function changed({ style }, name, value) {
  const own = style.getPropertyValue(name);
  const weight = style.getPropertyPriority(name);
  style.setProperty(name, value, "important");
  return () => style.setProperty(name, own, weight);
}
