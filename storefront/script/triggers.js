// What makes popups show. The server sends the highest priority first: where one event suits several popups, the first
// allowed one shows.

let popups = [];
let page; // its address: a single-page shop changes it without loading
let arrivedAt = Date.now();
let shownHere = {}; // popup ids: on one page each shows once, unless the shopper asks for it by a click
let timers = {};
let lastActive = arrivedAt;
let lastClick = 0;
let touch; // whether the shopper has fingers here, and no mouse

function fire(type, suits = () => true) {
  if (document.hidden || isBusy()) return false;
  return some(popups, (popup) => popup.trigger.type === type && suits(popup) && tryToShow(popup));
}

function tryToShow(popup) {
  keepSession();
  return !firstNo(popup) && bringUp(popup);
}

function bringUp(popup) {
  const chosen = asVariant(popup, myVariant(popup));
  const held = chosen.variant_id === HOLDOUT;
  shownHere[popup.id] = true;
  changeSeen(popup.id, (seen) => {
    seen.shown = seen.session === note.session.id ? seen.shown + 1 : 1;
    seen.session = note.session.id;
    if (held) seen.closed_at = Date.now(); // Its clocks run as the others' do.
  });
  if (held) countView(chosen);
  else show(chosen, true);
  return true;
}

function startTimers() {
  eachKey(timers, (id) => clearTimeout(timers[id]));
  each(popups, (popup) => /time_delay|inactivity/.test(popup.trigger.type) && showInTime(popup));
}

// Waits on while another dialog is open or nobody is looking. Once refused, it waits for the next time of inactivity.
function showInTime(popup, refused) {
  const from = popup.trigger.type === "inactivity" ? lastActive : arrivedAt;
  const left = from + popup.trigger.delay_seconds * SECOND - Date.now();
  if (left <= 0 && from !== refused && !document.hidden && !isBusy()) {
    if (tryToShow(popup)) return;
    refused = from;
  }
  timers[popup.id] = setTimeout(() => showInTime(popup, refused), left > 0 ? left : SECOND);
}

function onClick(event) {
  const asksFor = ({ trigger }) => attempt(() => event.target.closest(trigger.selector)); // It may be no selector.
  if (fire("click", asksFor)) event.preventDefault();
}

function onActivity() {
  lastActive = Date.now();
  if (lastActive - note.session.at > MINUTE) keepSession();
  noticePage();
}

const address = () => location.href.replace(/#.*/, "");

function noticePage() {
  if (address() !== page) arrive();
}

// On a page that was not loaded: its address has changed, or the shopper has come back to it.
function arrive() {
  arrivedAt = Date.now();
  page = address();
  shownHere = {};
  deepest = percent = 0;
  keepSession(null, true);
  if (open?.counted && !open.answered && isExcluded(open)) takeDown();
  if (trouble) loadPopups().then(startTimers);
  else startTimers();
  bringDue();
}

function watch() {
  page = address();
  touch = deviceType() !== "desktop";
  each(["mousemove", "pointerdown", "keydown", "touchmove", "scroll"], (name) => {
    listen(name, onActivity);
  });
  listen("scroll", onScroll);
  listen(touch ? "click" : "pointerdown", () => (lastClick = Date.now()));
  listen("click", onClick);
  listen("popstate", noticePage);
  listen("pageshow", (event) => event.persisted && arrive());
  window.navigation?.addEventListener("currententrychange", noticePage);
  if (touch) watchTouch();
  else watchMouse();
}
