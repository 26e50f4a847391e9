// Where the shop's cart is.

import { some } from "../shared/lists.js";

// The last part of its address, in the languages of most shops.
const NAMES =
  /\/(cart|basket|bag|warenkorb|einkaufswagen|panier|carrito|cesta|carrello|carrinho|winkelwagen|koszyk|kosik|varukorg|handlekurv|kurv|sepet)\/?$/i;

/**
 * As the shop says it, or where a link on the page leads; an empty word says that there is none.
 *
 * @param {string | undefined} own
 */
export function cartAddress(own) {
  let found = own;
  if (own == null) some(document.links, (link) => isCart(link) && (found = link.href));
  return found && /^http/.test(new URL(found, location.href).protocol) ? found : null;
}

/** @param {HTMLAnchorElement | HTMLAreaElement} link */
const isCart = ({ host, pathname }) => host === location.host && NAMES.test(pathname);
