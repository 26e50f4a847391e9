// What a dialog of the browser's does not do everywhere: Safari has no closedby, and Tab wanders off.

/**
 * A press that begins and ends beside the dialog closes it. One that does either has marked text.
 *
 * @param {HTMLDialogElement} dialog
 * @param {() => void} close
 */
export function closeByPressBeside(dialog, close) {
  let began = false;
  const isBeside = (/** @type {MouseEvent} */ { target, clientX: x, clientY: y }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return target === dialog && (x < left || x > right || y < top || y > bottom);
  };
  // A handler that answers false would cancel what was pressed.
  dialog.onpointerdown = (event) => void (began = isBeside(event));
  dialog.onclick = (event) => void (began && isBeside(event) && close());
}

/**
 * The dialog makes the page inert by itself; this keeps Tab from wandering off into the browser's own bars.
 *
 * @param {HTMLDialogElement} dialog
 */
export function keepFocusInside(dialog) {
  dialog.onkeydown = (event) => {
    event.stopPropagation(); // What is typed here is no shortcut of the shop's.
    /** @type {NodeListOf<HTMLElement>} */
    const stops = dialog.querySelectorAll("button, input, a");
    const last = stops.length - 1;
    const back = event.shiftKey;
    const at = /** @type {ShadowRoot} */ (dialog.getRootNode()).activeElement;
    if (event.key !== "Tab" || (at !== stops[back ? 0 : last] && !(back && at === dialog))) return;
    event.preventDefault();
    stops[back ? last : 0].focus();
  };
}
