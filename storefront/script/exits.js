// Signs that the shopper is about to leave.

const SHORT_AWAY = 5 * SECOND;

// A click may have opened a menu or the developer tools, which take the pointer out of the page as well, or
// have asked for the way back to the top.
const exit = () => Date.now() - Math.max(arrivedAt, lastClick) > SECOND && fire("exit_intent");

function watchMouse() {
  const NOWHERE = -Infinity;
  let lastY = NOWHERE;
  listen("mousemove", (event) => (lastY = event.clientY));
  listen("contextmenu", () => (lastY = NOWHERE)); // Until the pointer is back on the page.
  listen("mouseout", (event) => {
    const byTheTop = !event.relatedTarget && event.clientY <= 0 && lastY > event.clientY;
    if (byTheTop && !event.buttons && !document.querySelector("select:focus")) exit();
  });
}

// On a touch screen the way out is up: back to the address bar after having read, or off to another tab. The
// back button stays the shopper's.
function watchTouch() {
  let awayAt = 0;
  listen("visibilitychange", () => {
    if (!document.hidden && awayAt && Date.now() - awayAt > SHORT_AWAY) exit();
    awayAt = document.hidden && Date.now();
  });
}

let percent = 0; // of the page, as far as it was scrolled
let scrolled; // what scrolls: the page, or most of it
let lastTop;
let deepest = 0; // in pixels
let rushFrom;
let rushSince;

function onScroll(event) {
  const area = event.target === document ? document.scrollingElement : event.target;
  if (!area || area.clientHeight < innerHeight / 2) return; // A list or a carousel, not the page.
  const top = area.scrollTop;
  const room = area.scrollHeight - area.clientHeight;
  const now = room && (top / room) * 100 + 0.5; // Fractions of a pixel must not keep anyone from 100 %.
  if (!isBusy()) {
    fire("scroll_percentage", ({ trigger: { scroll_percentage: due } }) => percent < due && due <= now);
    percent = Math.max(percent, now);
  }
  if (touch) noticeRush(area, top);
}

// Half a screen upwards within 300 ms, after at least one screen of reading down.
function noticeRush(area, top) {
  const now = Date.now();
  if (area !== scrolled) {
    scrolled = area;
    lastTop = top;
    deepest = 0;
  }
  deepest = Math.max(deepest, top);
  if (top >= lastTop || now - rushSince > 300) {
    rushFrom = Math.max(top, lastTop);
    rushSince = now;
  }
  lastTop = top;
  if (deepest >= innerHeight && rushFrom - top > innerHeight / 2) exit();
}
