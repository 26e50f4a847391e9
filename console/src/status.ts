// The status line: what was just done, until the next act, with a way back where there is one. It is the page's one
// live region; nothing disappears by itself.

import { signal } from "@preact/signals";

export interface Status {
  text: string;
  undo?: () => unknown;
}

export const status = signal<Status>({ text: "" });

export function say(text: string, undo?: () => unknown) {
  status.value = { text, undo };
}
