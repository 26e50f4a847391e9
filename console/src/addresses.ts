// Every address within the console is written and read here. The whole state of a page is in it, so that Back and a
// bookmark bring it back; what follows # reaches no server's log.

export const TABS = ["design", "results", "experiment", "history"] as const;
export type Tab = (typeof TABS)[number];

export type Place =
  | { page: "popups" | "why" | "codes" | "subscribers" | "orders" | "sources" | "shop" | "keys" | "start" | "unknown" }
  | { page: "new" }
  | { page: "popup"; id: string; tab: Tab }
  | { page: "code"; id: string };

export type Query = Record<string, string>;
export type Address = Place & { query: Query };

const SINGLE = ["why", "codes", "subscribers", "orders", "sources", "shop", "keys", "start"] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function path(place: Place): string {
  switch (place.page) {
    case "new":
      return "popups/new";
    case "popup":
      return `popups/${place.id}${place.tab === "design" ? "" : `/${place.tab}`}`;
    case "code":
      return `codes/${place.id}`;
    case "unknown":
      return "popups";
    default:
      return place.page;
  }
}

/** What is empty is left out: an address has one form. */
export function hash(place: Place, query: Query = {}): string {
  const told = Object.entries(query).filter(([, value]) => value !== "");
  const search = new URLSearchParams(told).toString();
  return `#/${path(place)}${search && `?${search}`}`;
}

function place(parts: string[]): Place {
  const [first = "", id = "", tab = "design"] = parts;
  if (parts.length === 0 || (parts.length === 1 && first === "popups")) return { page: "popups" };
  if (first === "popups" && id === "new" && parts.length === 2) return { page: "new" };
  if (first === "popups" && UUID.test(id) && parts.length <= 3 && isTab(tab)) return { page: "popup", id, tab };
  if (first === "codes" && UUID.test(id) && parts.length === 2) return { page: "code", id };
  const single = SINGLE.find((name) => name === first);
  return single && parts.length === 1 ? { page: single } : { page: "unknown" };
}

const isTab = (name: string): name is Tab => (TABS as readonly string[]).includes(name);

/** Reads `location.hash`. */
export function address(text: string): Address {
  const [before = "", after = ""] = text.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const parts = before.split("/").filter(Boolean);
  return { ...place(parts), query: Object.fromEntries(new URLSearchParams(after)) };
}
