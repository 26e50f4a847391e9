// What is known about the visitor and this visit: one note.

// One note about the visitor, and one more for each event not yet confirmed, so that two tabs never overwrite
// each other's events. The names are plain words: content blockers match the telling ones.
//
// note = {visitor?, agreed?, refused?, visits, order?, seen: {popup id: {session, shown, viewed_at, closed_at,
//         converted_at, variant, code}}, session: {id, at, referrer, utm, cart}}

const SESSION_IDLE = 30 * MINUTE;

let note = null;

// Addresses are kept and sent without query and fragment: shops put tokens and e-mail addresses there.
const plainAddress = (address) => address.replace(/[?#].*/, "").slice(0, 2048);

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

function eraseNotes() {
  eachStoredEvent(unstore);
  unstore(NOTE);
}

// A refusal holds for the tab; agreement is the visitor's and stays until it is withdrawn.
function mayLast() {
  if (stored(NOTE)?.refused) return false;
  lasting = true;
  return settings.consent !== "pending" || !!stored(NOTE)?.agreed;
}

// A session is one visit: it ends after half an hour without a sign of life. Everything that reads or changes
// the note starts here, so that storage is not touched before the page is idle.
function keepSession() {
  if (!note) lasting = mayLast();
  changeNote(() => {
    const now = Date.now();
    if (lasting && !note.visitor) note.visitor = newId();
    if (!note.session || now - note.session.at > SESSION_IDLE) {
      note.session = { id: newId(), referrer: "", utm: {}, cart: note.session?.cart };
      note.visits++;
    }
    note.session.at = now;
  });
}

// Where the visit came from is known on its first page only, unless the shopper comes in by another link.
function noteArrival() {
  changeNote(() => {
    new URLSearchParams(location.search).forEach((value, name) => {
      if (name.startsWith("utm_")) note.session.utm[name.slice(4)] = value;
    });
    if (document.referrer && new URL(document.referrer).host !== location.host) {
      note.session.referrer = plainAddress(document.referrer);
    }
  });
}

function changeSeen(popupId, change) {
  changeNote(() => change(note.seen[popupId] || (note.seen[popupId] = {})));
}
