// Sending what is in the outbox.

const SHORTEST_RETRY = 2 * SECOND;
const LONGEST_RETRY = 5 * MINUTE;
const ANSWER_WITHIN = 10 * SECOND;

let retryDelay = SHORTEST_RETRY;
let deliveryTimer;

const deliverAll = () => eachBatch(deliver);

function deliverIn(milliseconds) {
  clearTimeout(deliveryTimer);
  deliveryTimer = setTimeout(deliverAll, milliseconds);
}

// The page is going away: whatever is not under way is handed to the browser, and stays in storage as well.
function deliverBlindly() {
  catchUp();
  eachBatch((batch) => navigator.sendBeacon(EVENT_URLS[batch[0].kind], bodyOf(batch)));
}

function bodyOf(batch) {
  if (batch[0].kind === "conversion") return JSON.stringify(batch[0].event);
  let events = "";
  each(batch, (entry) => (events += (events && ",") + JSON.stringify(entry.event)));
  return `{"events":[${events}]}`;
}

async function deliver(batch) {
  const kind = batch[0].kind;
  each(batch, (entry) => (entry.sending = true));
  const { status, answer, patience } = await post(EVENT_URLS[kind], bodyOf(batch));
  each(batch, (entry) => (entry.sending = false));
  // A hotel's login page also answers 200: only what our server would say counts as confirmed.
  const confirmed = kind === "view" ? status === 202 : answer?.conversion_id;
  const refused = status >= 400 && status < 500 && status !== 429 && answer?.code;
  if (refused && batch.length > 1) return each(batch, (entry) => deliver([entry])); // One is bad, not its neighbours.
  if (confirmed || refused) retryDelay = SHORTEST_RETRY;
  else retryLater(patience);
  each(batch, (entry) => {
    if (confirmed || refused) discard(entry.event.event_id);
    if (refused) console.warn("Refused:", kind, answer); // Not the event: consoles are recorded, and it may hold an address.
    if (confirmed && kind === "conversion") noteConversion(entry, answer.discount_code);
    if (entry.settled) entry.settled(confirmed, answer);
  });
}

// A string is sent as text/plain, which spares the preflight.
async function post(url, body) {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(url, { method: "POST", body, keepalive: true, credentials: "omit", signal });
    const patience = response.headers.get("Retry-After") * SECOND || 0;
    return { status: response.status, answer: parse(await response.text()), patience };
  } catch {
    return { status: 0, answer: null, patience: 0 }; // No network, or no answer in time.
  }
}

function retryLater(patience) {
  deliverIn(patience + retryDelay * (0.5 + Math.random())); // Spread, so that shoppers do not all return at once.
  retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
}
