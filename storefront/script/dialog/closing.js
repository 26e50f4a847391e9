// What a dialog of the browser's does not do everywhere: Safari has no closedby, and Tab wanders off.

/**
 * A press that begins and ends beside the dialog closes it. One that does either has marked text. The card covers all of
 * the dialog, whose own is only what is beside it.
 *
 * @param {HTMLDialogElement} dialog
 * @param {() => void} close
 */
export function closeByPressBeside(dialog, close) {
  let isBeside = false;
  // A handler that answers false would cancel what was pressed.
  dialog.onpointerdown = ({ target }) => void (isBeside = target === dialog);
  dialog.onpointerup = ({ target }) => void (isBeside &&= target === dialog);
  dialog.onclick = ({ target }) => void (isBeside && target === dialog && close());
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
    const at = event.target;
    if (event.key !== "Tab" || (at !== stops[back ? 0 : last] && !(back && at === dialog))) return;
    event.preventDefault();
    stops[back ? last : 0].focus();
  };
}
