// Where the console is. Pages are pages: each has a title, and its heading gets the focus.

import { computed, signal } from "@preact/signals";
import { address, hash, type Place, type Query } from "./addresses.ts";

const text = signal(location.hash);
export const here = computed(() => address(text.value));

type Guard = () => boolean;
let guard: Guard | null = null;

/** Asks before the place is left; `null` takes the guard away. It answers whether to go. */
export function guardWith(question: Guard | null) {
  guard = question;
}

/** What makes a page another page: its path, and for a new popup what it begins with. */
const pageOf = (text: string) => {
  const { query, ...place } = address(text);
  return hash(place as Place, { template: query.template ?? "" });
};

addEventListener("hashchange", ({ oldURL }) => {
  const wanted = location.hash;
  if (wanted === text.value) return;
  if (pageOf(wanted) !== pageOf(text.value) && guard && !guard()) {
    history.replaceState(null, "", new URL(oldURL).hash || "#/");
    return;
  }
  text.value = wanted;
});

export function go(place: Place, query?: Query) {
  location.hash = hash(place, query);
}

/** Changes the query in place. Typing makes no steps for Back. */
export function setQuery(changes: Query) {
  const { query, ...place } = here.value;
  const next = hash(place as Place, { ...query, ...changes });
  history.replaceState(null, "", next);
  text.value = next;
}
