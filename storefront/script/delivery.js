// Sending what is in the outbox.

const SHORTEST_RETRY = 2 * SECOND;
const LONGEST_RETRY = 5 * MINUTE;
const ANSWER_WITHIN = 10 * SECOND;

let retryDelay = SHORTEST_RETRY;
let pausedUntil = 0; // by the server's Retry-After
let deliveryTimer;

// All but what is under way, unless the server has asked for a pause.
function deliverAll() {
  const pause = pausedUntil - Date.now();
  if (pause > 0) deliverIn(pause);
  else eachBatch(deliver);
}

function deliverIn(milliseconds) {
  clearTimeout(deliveryTimer);
  deliveryTimer = setTimeout(deliverAll, milliseconds);
}

// The page is going away: whatever is not under way is handed to the browser, and stays in storage as well.
function deliverBlindly() {
  if (Date.now() > pausedUntil) eachBatch((batch) => navigator.sendBeacon(urlFor(batch), bodyOf(batch)));
}

function urlFor(batch) {
  if (batch[0].event.type) return addressOf(settings.trackConversion, "track_conversion");
  return addressOf(settings.trackView, "track_view");
}

function bodyOf(batch) {
  let events = "";
  each(batch, ({ event }) => (events += (events && ",") + JSON.stringify(event)));
  return batch[0].event.type ? events : `{"events":[${events}]}`;
}

async function deliver(batch) {
  each(batch, (entry) => (entry.sending = true));
  // A string is sent as text/plain, which spares the preflight.
  const request = { method: "POST", body: bodyOf(batch), keepalive: true };
  const { status, answer, patience } = await ask(urlFor(batch), request);
  each(batch, (entry) => (entry.sending = false));
  // A hotel's login page also answers 200: only what our server would say counts as confirmed.
  const confirmed = batch[0].event.type ? answer?.conversion_id : status === 202;
  const refused = status >= 400 && status < 500 && status !== 429 && answer?.code;
  if (refused && batch.length > 1) return each(batch, (entry) => deliver([entry])); // One is bad, not its neighbours.
  if (confirmed || refused) retryDelay = SHORTEST_RETRY;
  else retryLater(patience || 0);
  // Without the event: consoles are recorded, and it may hold an address.
  if (refused) console.warn("Refused:", answer);
  each(batch, ({ event, settled }) => {
    if (confirmed || refused) discard(event.event_id);
    const shown = settled && settled(confirmed, answer);
    if (confirmed && event.type) noteConversion(event, answer.discount_code, shown);
  });
}

// No status: no network, or no answer in time.
async function ask(url, request) {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(url, { credentials: "omit", signal, ...request });
    const patience = response.headers.get("Retry-After") * SECOND;
    return { status: response.status, answer: parse(await response.text()), patience };
  } catch {
    return {};
  }
}

function retryLater(patience) {
  pausedUntil = Date.now() + patience;
  deliverIn(patience + retryDelay * (0.5 + Math.random())); // Spread, so that shoppers do not all return at once.
  retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
}
