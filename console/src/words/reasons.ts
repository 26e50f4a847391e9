// Why a popup is not shown, in words, and the section of the builder where that is set.

export interface Reason {
  text: string;
  section: string;
}

const REASONS: Record<string, Reason> = {
  status: { text: "It is not live.", section: "" },
  starts_at: { text: "It begins later.", section: "schedule" },
  ends_at: { text: "Its end is over.", section: "schedule" },
  view_limit: { text: "It was seen as often as it may be.", section: "schedule" },
  "offer.when_empty": { text: "No code is left, and it stops then.", section: "offer" },
  priority: { text: "Other popups go before it: as many as a page can take.", section: "frequency" },
  size: { text: "The popups before it use up what shoppers download.", section: "" },
  "shop.never_on_pages": { text: "The shop wants no popup on this page.", section: "shop" },
  "targeting.device_types": { text: "It is not for this device.", section: "audience" },
  "targeting.exclude_pages": { text: "This page is excluded.", section: "audience" },
  "targeting.include_pages": { text: "It is for other pages.", section: "audience" },
  "targeting.visitors": { text: "It is for other visitors.", section: "audience" },
  "targeting.referrers": { text: "They come from elsewhere.", section: "audience" },
  "targeting.utm": { text: "The link has other utm parameters.", section: "audience" },
  "targeting.min_cart_value": { text: "The cart is worth too little.", section: "audience" },
  "targeting.max_cart_value": { text: "The cart is worth too much.", section: "audience" },
  "targeting.min_cart_items": { text: "Too little is in the cart.", section: "audience" },
  "frequency.max_per_session": { text: "They saw it as often as they may in this visit.", section: "frequency" },
  "frequency.days_after_close": { text: "They closed it not long ago.", section: "frequency" },
  "frequency.days_after_conversion": { text: "They said yes not long ago.", section: "frequency" },
  holdout: { text: "They are among those who see nothing, to compare with.", section: "experiment" },
  shop_holdout: { text: "They are among those who see no popup at all, to compare with.", section: "shop" },
};

export const reasonOf = (code: string): Reason => REASONS[code] ?? { text: code, section: "" };

const BROWSERS: Record<string, string> = {
  "frequency.days_after_close": "whether they closed it not long ago",
  "frequency.max_per_session": "how often they saw it in this visit",
  "frequency.days_after_conversion": "whether they said yes before",
  "shop.popups_per_visit": "how many popups they saw in this visit",
  "shop.seconds_between_popups": "when the last one was",
  holdout: "whether they are among those who do not see it, to compare with",
  shop_holdout: "whether they are among those who see no popup at all",
};

/** What only the shopper's browser knows. */
export const unchecked = (codes: string[]) => codes.map((code) => BROWSERS[code] ?? code);
