// What the browser keeps for us.

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const NOTE = `store-notes:${settings.shop}`;

let lasting = false; // whether what we note may outlive the tab

function withStorage(act) {
  try {
    return act(lasting ? localStorage : sessionStorage);
  } catch {
    return null; // Blocked or full: this page goes on from its own memory.
  }
}

const stored = (key) => withStorage((storage) => parse(storage.getItem(key)));
const store = (key, value) => withStorage((storage) => storage.setItem(key, JSON.stringify(value)));
const unstore = (key) => withStorage((storage) => storage.removeItem(key));

// Visits the key of every event in storage.
function eachStoredEvent(visit) {
  withStorage((storage) => eachKey(storage, (key) => key.startsWith(`${NOTE}:`) && visit(key)));
}
