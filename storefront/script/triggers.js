// When popups show.

// The server sends the highest priority first: where one event suits several popups, the first allowed one shows.

const SHORT_AWAY = 5 * SECOND;

let popups = [];
let page; // its address: a single-page shop changes it without loading
let arrivedAt = Date.now();
let shownHere = {}; // popup ids: on one page each shows once, unless the shopper asks for it by a click
let timers = {};
let lastActive = Date.now();
let lastClick = 0;
let touch; // whether the shopper has fingers here, and no mouse

function findPopup(id) {
  let found;
  some(popups, (popup) => popup.id === id && (found = popup));
  return found;
}

function fire(type, suits) {
  if (open && !open.host.isConnected) close(open);
  if (open || document.hidden) return false;
  return some(popups, (popup) => {
    if (popup.trigger.type !== type || (suits && !suits(popup))) return false;
    keepSession();
    return !firstNo(popup) && bringUp(popup);
  });
}

function bringUp(popup) {
  const chosen = asVariant(popup, myVariant(popup));
  shownHere[popup.id] = true;
  changeSeen(popup.id, (seen) => {
    seen.shown = seen.session === note.session.id ? seen.shown + 1 : 1;
    seen.session = note.session.id;
    if (chosen.variant_id === HOLDOUT) seen.closed_at = Date.now(); // Its clocks run as the others' do.
  });
  if (chosen.variant_id === HOLDOUT) countView(chosen);
  else show(chosen, true);
  return true;
}

function arrive() {
  page = location.pathname + location.search;
  shownHere = {};
  scroll.deepest = scroll.percent = 0;
  keepSession();
  noteArrival();
  startTimers();
}

function startTimers() {
  eachKey(timers, (id) => clearTimeout(timers[id]));
  each(popups, (popup) => {
    if (popup.trigger.type === "time_delay") fireAfter(popup, () => arrivedAt);
    if (popup.trigger.type === "inactivity") fireAfter(popup, () => lastActive);
  });
}

// Looks again when the moment counted from has moved on meanwhile, or nobody is looking at the tab.
function fireAfter(popup, since) {
  const left = since() + popup.trigger.delay_seconds * SECOND - Date.now();
  if (left <= 0 && !document.hidden) return fire(popup.trigger.type, (other) => other === popup);
  timers[popup.id] = setTimeout(() => fireAfter(popup, since), left > 0 ? Math.min(left, DAY) : SECOND);
}

function onClick(event) {
  const fired = fire("click", ({ trigger }) => {
    try {
      return event.target.closest(trigger.selector);
    } catch {
      return false; // Not a selector.
    }
  });
  if (fired) event.preventDefault();
}

function onActivity() {
  lastActive = Date.now();
  if (lastActive - note.session.at > MINUTE / 2) keepSession();
  noticePage();
}

function noticePage() {
  if (location.pathname + location.search === page) return;
  arrivedAt = Date.now();
  arrive();
}

function watch() {
  each(["mousemove", "pointerdown", "keydown", "touchmove", "scroll"], (name) => {
    addEventListener(name, onActivity, true);
  });
  addEventListener("scroll", onScroll, true);
  touch = deviceType() !== "desktop";
  addEventListener(touch ? "click" : "pointerdown", () => (lastClick = Date.now()), true);
  addEventListener("click", onClick, true);
  addEventListener("popstate", noticePage);
  if (window.navigation) navigation.addEventListener("currententrychange", noticePage);
  if (touch) watchTouch();
  else watchMouse();
}
