// What goes through the script, for `tsc --checkJs`. The API's own schemas are in docs/openapi.json.

interface Trigger {
  type: "exit_intent" | "time_delay" | "scroll_percentage" | "inactivity" | "click";
  delay_seconds: number;
  scroll_percentage: number;
  selector: string;
}

interface Design {
  heading?: string;
  subheading?: string;
  button_text?: string;
  background_color?: string;
  text_color?: string;
  button_color?: string;
  image_url?: string;
  layout?: string;
  width?: number;
  border_radius?: number;
  padding?: number;
}

interface Offer {
  type: string;
  consent_text?: string | null;
  has_code?: boolean;
  discount_code_id?: string; // of a draft that is previewed
}

interface Variant {
  id: string;
  weight: number;
  design?: Design;
  offer?: Partial<Offer>;
}

interface Popup {
  id: string;
  trigger: Trigger;
  design: Design;
  offer: Offer;
  targeting?: Record<string, unknown> & { exclude_pages?: string[] };
  frequency?: Record<string, unknown>;
  variants: Variant[];
  holdout_percent: number;
  variant_id?: string; // once chosen
}

/** A code that the server has given. */
interface Discount {
  code: string;
  type?: string;
  value?: string;
  expires_at?: string | null;
  valid_until_day?: string | null; // the last day on which it works, in the shop's time zone
}

/** A code that was closed, for the rest of the visit. */
interface Kept {
  id: string; // of its popup
  variant?: string;
  discount: Discount;
}

/** What this browser remembers of one popup. Times are milliseconds since 1970. */
interface Seen {
  session?: string;
  shown?: number;
  viewed_at?: number;
  closed_at?: number;
  converted_at?: number;
  variant?: string;
  code?: string;
  due?: Discount; // came when its popup was gone
}

/** What could be read of an amount. */
interface Money {
  amount?: number;
  currency?: string;
}

/** The cart as it is noted. */
interface NotedCart {
  value?: number;
  currency?: string;
  items: number;
}

interface Visit {
  id: string;
  at: number; // the last sign of life
  referrer: string;
  utm: Record<string, string>;
  cart?: NotedCart;
  unasked?: number; // popups that came by themselves
  shown_at?: number; // the last popup, asked for or not
  kept?: Kept;
}

/** What is known about the visitor and this visit. */
interface Note {
  visitor?: string;
  agreed?: boolean;
  refused?: boolean;
  visits: number;
  order?: string | number;
  session: Visit;
  seen: Record<string, Seen>;
}

/** What the server said of a conversion: whether it is confirmed, and its answer. */
type Told = (confirmed: unknown, answer?: Answer) => unknown;

interface TrackedEvent {
  event_id?: string;
  popup_id: string;
  session_id: string;
  type?: string; // of a conversion
  email?: string;
  list?: List; // none: a view or a conversion
  [field: string]: unknown;
}

/** What holds for all popups of a shop. */
interface Shop {
  currency?: string;
  popups_per_visit?: number;
  seconds_between_popups?: number;
  never_on_pages?: string[];
  holdout_percent?: number;
}

/** What our server answers. */
interface Answer {
  popups?: Popup[];
  shop?: Shop;
  conversion_id?: string;
  discount_code?: Discount;
  code?: string;
  errors?: Record<string, string[]>;
}

/** What is neither a view nor a conversion: which list of track_view's body it belongs to. */
type List = "exposures" | "closes";

/** An event that the server has not confirmed yet. `settled` answers whether the shopper saw what came of it. */
interface Entry {
  event: TrackedEvent;
  sending?: boolean;
  settled?: Told;
}

interface Reply {
  status?: number; // none: no network, or no answer in time
  answer?: Answer;
  refused?: boolean; // for good
  patience: number; // milliseconds that the server asks for
}

/** The popup on screen. */
interface Showing {
  popup: Popup;
  counted: boolean; // not a preview
  card: Card;
  viewed?: boolean;
  answered?: boolean;
  discount?: Discount; // what the answer brought
  conversion?: TrackedEvent; // that was reported
}

/** What was drawn. */
interface Card {
  host: Element;
  remove(): void;
  thank(discount?: Discount): void;
}

/** The popup's fixed words. */
type Words = ReturnType<typeof import("./dialog/words.js").wordsWith>;

/** What happens to what was drawn. */
interface Host {
  words: Words;
  cart?: string; // its address, where the shop says it
  counted: boolean;
  seen(): void;
  closed(): void;
  report(conversion: Partial<TrackedEvent>, told?: Told): void;
}

/** What the file of waiting codes is given of the second file. */
interface Place {
  words: Words;
  hindrance(asked?: boolean): string | null;
  isOpen(): unknown;
  thank(popup: Popup, variant: string | undefined, discount: Discount): void;
  addTab(style: string): ShadowRoot;
  removeTab(): void;
}

/** What the first file asks of the second. */
interface Part {
  meet(loader: Loader): void;
  watch(since: number): void;
  arrive(): void;
  hindrance(asked?: boolean): string | null;
  bringUp(popup: Popup, variant: string | null, shop: Shop): void;
  showPreview(popup: unknown): void;
  bringDue(): void;
}

/** What the second file asks of the first. */
interface Loader {
  arrivedAt(): number;
  lastActive(): number;
  served(): Popup[];
  settings: import("../index.js").Settings;
  note(): Note;
  isExcluded(popup: Partial<Popup>): unknown;
  pauseEnd(): number;
  deviceType(): string;
  fire(type: Trigger["type"], suits?: (popup: Popup) => unknown): boolean;
  onActivity(event: Event): void;
  lookForCodes(): void;
  changeSeen(popupId: string, change: (seen: Seen, note: Note) => unknown): void;
  eventFor(popupId: string, variantId?: string | null): TrackedEvent;
  record(event: TrackedEvent, settled?: Told): void;
  discard(eventId: string): void;
}

/** Of Shopify's pages: the root is the shopper's language. */
interface Window {
  Shopify?: { routes?: { root?: string } };
}

/** The other files; the build says their names. */
declare const DIALOG_FILE: string;
declare const AMOUNTS_FILE: string;
declare const CODES_FILE: string;
declare const SHOPIFY_FILE: string;

declare module "*.css" {
  const text: string;
  export default text;
}
