// Who is signed in. The key is in memory and in this tab's sessionStorage only: never in an address, a cookie or a log.

import { computed, signal } from "@preact/signals";

export interface Session {
  shopId: string;
  key: string;
  keyId: string;
  keyName: string;
  rights: "read" | "write";
}

const PLACE = "console";
const IDLE_MINUTES = 30;
const MOST_HOURS = 12;

interface Kept {
  session: Session;
  since: number;
}

function kept(): Kept | null {
  try {
    const found: Kept | null = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
    return found && Date.now() - found.since < MOST_HOURS * 3_600_000 ? found : null;
  } catch {
    return null; // Blocked, or not ours: this page goes on from memory.
  }
}

const found = kept();
export const session = signal<Session | null>(found?.session ?? null);

/** The key was refused, or nobody was here for long: sign-in is asked over the page, which keeps what was typed. */
export const isAsked = signal(false);

export const mayWrite = computed(() => session.value?.rights === "write");
export const READ_ONLY = "This key may only read. Sign in with a key that may write to change things.";

type Waiting = () => void;
let waiting: Waiting[] = [];

/** Resolves once somebody has signed in again. */
export function signedInAgain(): Promise<void> {
  isAsked.value = true;
  return new Promise((resolve) => waiting.push(resolve));
}

export function signIn(given: Session) {
  const before = session.value;
  session.value = given;
  keep({ session: given, since: Date.now() });
  if (before && before.shopId !== given.shopId) return startAnew(); // Another shop has other things.
  isAsked.value = false;
  touch();
  const all = waiting;
  waiting = [];
  for (const resolve of all) resolve();
}

export function signOut() {
  sessionStorage.clear(); // Kept drafts, too.
  tell("signed out");
  startAnew();
}

/** Nothing of the shop stays in memory. */
function startAnew() {
  location.hash = "";
  location.reload();
}

function keep(value: Kept) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(value));
  } catch {
    // Memory has it.
  }
}

// Other tabs of the same browser: sign-out holds for all.
const channel = new BroadcastChannel("console");
const tell = (message: string) => channel.postMessage(message);
channel.onmessage = ({ data }) => {
  if (data !== "signed out" || !session.value) return;
  sessionStorage.clear();
  location.reload();
};

// Back to a page that the browser has kept whole: somebody may have signed out since.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && session.value && !kept()) location.reload();
});

let idle = 0;

function askAnew() {
  if (session.value) isAsked.value = true;
}

function touch() {
  clearTimeout(idle);
  idle = window.setTimeout(askAnew, IDLE_MINUTES * 60_000);
}
for (const name of ["pointerdown", "keydown"]) addEventListener(name, touch, { passive: true });
if (found) touch();
