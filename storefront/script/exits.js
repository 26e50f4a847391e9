// Signs that the shopper is about to leave.

// A click may have opened a menu or the developer tools, which take the pointer out of the page as well, or
// have asked for the way back to the top.
const exit = () => Date.now() - Math.max(arrivedAt, lastClick) > SECOND && fire("exit_intent");

function watchMouse() {
  const NOWHERE = -Infinity;
  let lastY = NOWHERE;
  addEventListener("mousemove", (event) => (lastY = event.clientY));
  addEventListener("contextmenu", () => (lastY = NOWHERE)); // Until the pointer is back on the page.
  document.addEventListener("mouseout", (event) => {
    const byTheTop = !event.relatedTarget && event.clientY <= 0 && lastY > event.clientY;
    if (byTheTop && !event.buttons && !document.querySelector("select:focus")) exit();
  });
}

// On a touch screen the way out is up: back to the address bar after having read, or off to another tab. The
// back button stays the shopper's.
function watchTouch() {
  let awayAt = 0;
  let leaving = false;
  addEventListener("pagehide", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && awayAt && Date.now() - awayAt > SHORT_AWAY) exit();
    awayAt = document.hidden && !leaving ? Date.now() : 0;
  });
}

const scroll = { y: 0, deepest: 0, percent: 0, from: 0, since: 0 };

function onScroll(event) {
  const area = event.target === document ? document.scrollingElement : event.target;
  if (!area || area.clientHeight < innerHeight / 2) return; // A list or a carousel, not the page.
  const y = area.scrollTop;
  const room = area.scrollHeight - area.clientHeight;
  const percent = room && (y / room) * 100 + 0.5; // Fractions of a pixel must not keep anyone from 100 %.
  fire("scroll_percentage", ({ trigger: { scroll_percentage: due } }) => scroll.percent < due && due <= percent);
  scroll.percent = Math.max(scroll.percent, percent);
  if (touch) noticeRush(area, y);
}

// Half a screen upwards within 300 ms, after at least one screen of reading down.
function noticeRush(area, y) {
  const now = Date.now();
  if (area !== scroll.area) Object.assign(scroll, { area, y, from: y, deepest: 0 });
  if (y >= scroll.y) Object.assign(scroll, { from: y, since: now, deepest: Math.max(scroll.deepest, y) });
  else if (now - scroll.since > 300) Object.assign(scroll, { from: scroll.y, since: now });
  scroll.y = y;
  if (scroll.deepest >= innerHeight && scroll.from - y > innerHeight / 2) exit();
}
