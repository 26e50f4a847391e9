// What is known about the visitor and this visit, in one note.
//
// note = {visitor?, agreed?, refused?, visits, order?, session: {id, at, referrer, utm, cart}, seen: {popup id:
//         {session, shown, viewed_at, closed_at, converted_at, variant, code, due}}}

const SESSION_IDLE = 30 * MINUTE;

let note = null;

// Addresses are kept and sent without query and fragment: shops put tokens and e-mail addresses there.
const plainAddress = (address) => address.replace(/[?#].*/, "").slice(0, 512);

function deviceType() {
  if (matchMedia("(hover: hover) and (pointer: fine)").matches) return "desktop";
  return Math.min(screen.width, screen.height) < 600 ? "mobile" : "tablet";
}

function changeNote(change) {
  const kept = stored(NOTE);
  note = kept?.seen ? kept : note || { visits: 0, seen: {} };
  change(note);
  store(NOTE, note);
}

function changeSeen(popupId, change) {
  changeNote(() => change(note.seen[popupId] || (note.seen[popupId] = {})));
}

// A refusal holds for the tab; agreement is the visitor's and stays until it is withdrawn.
function openNote() {
  const ofTab = stored(NOTE);
  if (ofTab?.refused) return;
  lasting = true;
  lasting = settings.consent !== "pending" || !!stored(NOTE)?.agreed;
  if (lasting && ofTab?.seen) moveIn(ofTab);
}

// What this tab kept for itself, before the visitor agreed or for want of room, joins what all tabs know.
function moveIn(ofTab) {
  lasting = false;
  collectEvents();
  eraseNotes();
  lasting = true;
  const older = stored(NOTE) || { visits: 0 };
  note = { ...older, ...ofTab, seen: { ...older.seen, ...ofTab.seen } };
  if (older.session?.id !== note.session.id) note.visits += older.visits;
  note.visitor = older.visitor || note.visitor || note.session.id; // The variant stays, too.
  store(NOTE, note);
  eachKey(outbox, keepEvent);
}

// A session is one visit: it ends after half an hour without a sign of life. Everything that reads or changes
// the note starts here, so that storage is not touched before the page is idle.
function keepSession(change, arriving = !note) {
  if (!note) openNote();
  changeNote(() => {
    const now = Date.now();
    if (lasting && !note.visitor) note.visitor = newId();
    if (!note.session || now - note.session.at > SESSION_IDLE) {
      note.session = { id: newId(), referrer: "", utm: {}, cart: note.session?.cart };
      note.visits++;
    }
    note.session.at = now;
    if (arriving) noteArrival(note.session);
    if (change) change();
  });
}

// Where the visit came from is known on its first page only, unless the shopper comes in by another link.
function noteArrival(session) {
  const referrer = plainAddress(document.referrer);
  if (referrer && referrer.split("/")[2] !== location.host) session.referrer = referrer;
  if (!location.search.includes("utm_")) return;
  session.utm = {}; // Two links are never mixed.
  new URLSearchParams(location.search).forEach((value, name) => {
    if (name.startsWith("utm_")) session.utm[name.slice(4)] = value;
  });
}
