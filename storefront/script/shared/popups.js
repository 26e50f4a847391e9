// What a popup's own fields say.

export const HOLDOUT = "holdout";
export const SHOP_HOLDOUT = "shop_holdout";

/** @param {string | null} variant */
export const isHeldOut = (variant) => variant === HOLDOUT || variant === SHOP_HOLDOUT;

/**
 * However often a popup was closed before, whoever clicks on its trigger asks for it.
 *
 * @param {Popup} popup
 */
export const isAskedFor = (popup) => popup.trigger.type === "click";
