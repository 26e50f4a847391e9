// From the page's load to the first trigger.

let trouble = "not loaded"; // why there are no popups, for explain()

async function loadPopups() {
  try {
    const url = `${POPUPS_URL}?shop_id=${encodeURIComponent(settings.shop)}`;
    const response = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(ANSWER_WITHIN) });
    trouble = response.ok ? "" : `answered ${response.status}`;
    popups = (response.ok && (await response.json()).popups) || [];
  } catch {
    trouble = "no answer";
  }
}

// What the page asked for before this file had arrived.
function catchUp() {
  each(queued, (call) => {
    try {
      api.push(call);
    } catch (error) {
      console.error(error); // The page's mistake is not to stop the rest.
    }
  });
  queued = null;
}

async function start() {
  catchUp();
  arrive(); // Before there are popups: a shopper in a hurry still came from somewhere.
  addEventListener("online", deliverAll);
  document.addEventListener("visibilitychange", () => document.hidden && deliverAll());
  addEventListener("storage", ({ key, newValue }) => lasting && key === NOTE && !newValue && api.consent(false));
  deliverAll(); // Whatever becomes of the popups.
  await loadPopups();
  startTimers();
  if (popups.length) watch();
}

function startWhenIdle() {
  arrivedAt = Date.now();
  if (window.requestIdleCallback) requestIdleCallback(start, { timeout: 2 * SECOND });
  else setTimeout(start, SECOND / 5);
}

let queued = window.exitIntent;
window.exitIntent = api;
addEventListener("pagehide", deliverBlindly);
if (document.readyState === "complete") startWhenIdle();
else addEventListener("load", startWhenIdle);
