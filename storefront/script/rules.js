// The rules by which a popup may show. Each is named after the field it reads, and the first that says no is what
// explain() reports. A cart nobody told us about is an empty one.

const anyOf = (list, test) => !list.length || some(list, test);
const passed = (at, days) => !(Date.now() - at < days * DAY); // It may never have been.
const cart = () => note.session.cart || { value: 0, items: 0 };

// "*" is any text. Walked without a regular expression: no pattern can make it slow.
function matches(pattern, text) {
  const parts = pattern.split("*");
  const last = parts.length - 1;
  let at = 0;
  for (let i = 0; i < last; i++) {
    const found = text.indexOf(parts[i], at);
    if (found < 0 || (!i && found)) return false;
    at = found + parts[i].length;
  }
  return last ? text.slice(at).endsWith(parts[last]) : pattern === text;
}

// Patterns are written as people read addresses: "/café", not "/caf%C3%A9".
function onPage(pattern) {
  const path = location.pathname + (pattern.includes("?") ? location.search : "");
  return matches(pattern, attempt(() => decodeURI(path)) || path); // What is not UTF-8 is compared as it is.
}

// "shop.example" stands for the host and its subdomains; anything longer is a pattern for the whole address.
function cameFrom(pattern) {
  const bare = (text) => text.replace(/^https?:\/\//, "");
  const address = bare(note.session.referrer);
  if (/[*/]/.test(pattern)) return matches(bare(pattern), address);
  return `.${address.split("/")[0]}`.endsWith(`.${pattern}`);
}

const RULES = {
  targeting: {
    device_types: (types) => anyOf(types, (type) => type === deviceType()),
    exclude_pages: (pages) => !some(pages, onPage),
    include_pages: (pages) => anyOf(pages, onPage),
    visitors: (kind) => kind !== (note.visits > 1 ? "new" : "returning"),
    referrers: (hosts) => anyOf(hosts, cameFrom),
    utm: (wanted) => !some(Object.keys(wanted), (name) => !matches(wanted[name], note.session.utm[name] || "")),
    min_cart_value: (least) => cart().value >= least,
    max_cart_value: (most) => cart().value <= most,
    min_cart_items: (least) => cart().items >= least,
  },
  frequency: {
    days_after_conversion: (days, seen) => passed(seen.converted_at, days),
    days_after_close: (days, seen) => passed(seen.closed_at, days),
    max_per_session: (most, seen) => seen.session !== note.session.id || seen.shown < most,
  },
};

const isExcluded = (popup) => some(popup.targeting?.exclude_pages, onPage);

function isBusy() {
  if (open && !host.isConnected) takeDown(); // The shop has replaced its body.
  return open || document.querySelector(":modal");
}

// Why this popup may not show now, or null. A rule that was left out does not say no.
function firstNo(popup) {
  const asked = popup.trigger.type === "click"; // However often it was closed before.
  const known = note.seen[popup.id] || {};
  const seen = asked ? { converted_at: known.converted_at } : known;
  let no = null;
  if (isBusy()) no = "another dialog is open";
  else if (shownHere[popup.id] && !asked) no = "already shown on this page";
  eachKey(RULES, (group) => {
    eachKey(RULES[group], (field) => {
      const value = popup[group]?.[field];
      if (!no && value != null && !RULES[group][field](value, seen)) no = `${group}.${field}`;
    });
  });
  return no;
}
