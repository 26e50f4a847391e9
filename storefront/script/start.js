// From the page's load to the first trigger, in pieces: between two of them the page has the main thread to itself.

let trouble = "not loaded"; // why there are no popups, for explain()
let queued = window.exitIntent;

async function loadPopups() {
  const address = addressOf(settings.getActivePopups, "get_active_popups");
  const { status, answer } = await ask(`${address}?shop_id=${encodeURIComponent(settings.shop)}`);
  trouble = answer?.popups ? "" : status ? `answered ${status}` : "no answer";
  popups = [];
  each(answer?.popups, (popup) => popup?.trigger && (popups[popups.length] = popup));
}

// What the page asked for before this file had arrived. Its mistakes are not to stop the rest.
function catchUp() {
  each(queued, (call) => attempt(() => api.push(call)));
  queued = null;
}

const idle = () => new Promise((done) => (window.requestIdleCallback || setTimeout)(done, { timeout: 2 * SECOND }));

async function start() {
  arrivedAt = Date.now();
  await idle();
  catchUp();
  await loadPopups();
  await idle();
  keepSession();
  await idle();
  if (popups.length || trouble) watch();
  startTimers();
  bringDue();
  await idle();
  listen("online", deliverAll);
  listen("visibilitychange", () => document.hidden && deliverAll());
  listen("storage", ({ key, newValue }) => lasting && key === NOTE && !newValue && api.consent(false));
  deliverAll();
}

// Before the popups have come, too: a shopper in a hurry still came from somewhere, and may have bought something.
function leave() {
  catchUp();
  if (!note) keepSession();
  deliverBlindly();
  arrivedAt += DAY; // Nothing is an exit until the shopper is back.
}

window.exitIntent = api;
listen("pagehide", leave);
if (document.readyState === "complete") start();
else listen("load", start);
