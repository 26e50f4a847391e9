// What the browser keeps for us: one note about the visitor, and one more for each event not yet confirmed, so that two
// tabs never overwrite each other's events. The names are plain words: content blockers match the telling ones.

const NOTE = `store-notes:${settings.shop}`;

let lasting = false; // whether what we note may outlive the tab
let full = false; // whether there was no room for it where it would

// Where it is blocked or full, this page goes on from its own memory.
const withStorage = (act) => attempt(() => act(lasting && !full ? localStorage : sessionStorage));

const stored = (key) => withStorage((storage) => parse(storage.getItem(key)));
const unstore = (key) => withStorage((storage) => storage.removeItem(key));

// Each kind of storage has room of its own: a popup that was closed must not come back because the shop has filled one.
function store(key, value) {
  const text = JSON.stringify(value);
  const put = (storage) => !storage.setItem(key, text);
  if (withStorage(put) || full || !lasting) return;
  full = true;
  withStorage(put);
}

// Visits the key of every event in storage.
function eachStoredEvent(visit) {
  withStorage((storage) => eachKey(storage, (key) => key.startsWith(`${NOTE}:`) && visit(key)));
}

function eraseNotes() {
  eachStoredEvent(unstore);
  unstore(NOTE);
}
