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

/** The cart as it is noted. */
interface NotedCart {
  value: number;
  currency?: string;
  items: number;
}

interface Visit {
  id: string;
  at: number; // the last sign of life
  referrer: string;
  utm: Record<string, string>;
  cart?: NotedCart;
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

interface TrackedEvent {
  event_id?: string;
  popup_id: string;
  session_id: string;
  type?: string; // of a conversion
  email?: string;
  [field: string]: unknown;
}

/** What our server answers. */
interface Answer {
  popups?: Popup[];
  conversion_id?: string;
  discount_code?: Discount;
  code?: string;
  errors?: Record<string, string[]>;
}

/** An event that the server has not confirmed yet. `settled` answers whether the shopper saw what came of it. */
interface Entry {
  event: TrackedEvent;
  sending?: boolean;
  settled?: (confirmed: unknown, answer?: Answer) => boolean;
}

interface Reply {
  status?: number; // none: no network, or no answer in time
  answer?: Answer;
  patience?: number; // milliseconds that the server asks for
}

/** The popup on screen, as the loader knows it. */
interface Showing {
  popup: Popup;
  counted: boolean; // not a preview
  card: Card;
  viewed?: boolean;
  answered?: boolean;
  entry?: Entry; // its conversion
}

/** The popup on screen, as the dialog part gives it to the loader. */
interface Card {
  host: Element;
  remove(): void;
  thank(discount?: Discount): void;
}

/** What the dialog part asks of the loader. */
interface Host {
  words: Record<string, string>;
  counted: boolean;
  seen(): void;
  closed(): void;
  accept(email: string | undefined, tell: Tell): void;
}

/** What came of the shopper's answer: a code or none, or a problem, of which `words` may be all that is known. */
type Tell = (outcome: { discount?: Discount; problem?: string }) => void;

interface DialogPart {
  open(popup: Popup, host: Host): Card;
}

/** The dialog part's file; the build says its name. */
declare const DIALOG_FILE: string;

declare module "*.css" {
  const text: string;
  export default text;
}
