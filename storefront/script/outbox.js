// Events that the server has not confirmed yet.

// An event stays in storage until the server has confirmed it. Sending twice is harmless, since the server
// counts an event_id once; losing one is not. So when in doubt it is sent again: later, or on the next page.

const BATCH_EVENTS = 50;
const BATCH_CHARACTERS = 60000; // The server takes 64 KiB, and so do all keepalive requests together.
const KEEP_FOR = 7 * DAY;

const outbox = {}; // event_id: {kind, event, sending?, settled?}

function record(kind, event, settled) {
  event.event_id = newId();
  const entry = { kind, event, settled };
  outbox[event.event_id] = entry;
  keepEvent(event.event_id);
  if (settled) deliver([entry]);
  else deliverIn(SECOND); // Others may join the batch.
  return entry;
}

function keepEvent(id) {
  const { kind, event } = outbox[id];
  store(`${NOTE}:${id}`, { kind, event });
}

function discard(id) {
  delete outbox[id];
  unstore(`${NOTE}:${id}`);
}

// Events of earlier pages, and of tabs since closed, are found in storage.
function collectEvents() {
  eachStoredEvent((key) => {
    const id = key.slice(NOTE.length + 1);
    if (!outbox[id]) outbox[id] = stored(key);
  });
  eachKey(outbox, (id) => {
    if (!outbox[id]?.event || Date.now() - timeOfId(id) > KEEP_FOR) discard(id);
  });
}

// Conversions go one a request, views together.
function eachBatch(send) {
  let views = [];
  let characters = 0;
  collectEvents();
  eachKey(outbox, (id) => {
    const entry = outbox[id];
    const length = JSON.stringify(entry.event).length;
    if (entry.sending) return;
    if (entry.kind === "conversion") return send([entry]);
    if (views.length === BATCH_EVENTS || characters + length > BATCH_CHARACTERS) {
      send(views);
      views = [];
      characters = 0;
    }
    views[views.length] = entry;
    characters += length;
  });
  if (views.length) send(views);
}
