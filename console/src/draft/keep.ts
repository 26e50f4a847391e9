// Unsaved work, kept by this browser until it is saved or thrown away. Popups only: nothing personal.

import type { PopupDraft } from "../api/schema.ts";
import { session } from "../session.ts";

export interface Kept {
  draft: PopupDraft;
  /** What it was made from, for the merge. */
  base: PopupDraft;
  version: number;
  at: number;
}

const place = (id: string) => `console:${session.value?.shopId}:${id}`;

export function keep(id: string, kept: Kept) {
  try {
    sessionStorage.setItem(place(id), JSON.stringify(kept));
  } catch {
    // No room, or not allowed: the page still has it, and asks before it is left.
  }
}

export function kept(id: string): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(place(id)) ?? "null");
  } catch {
    return null;
  }
}

export function forget(id: string) {
  try {
    sessionStorage.removeItem(place(id));
  } catch {
    // It was not kept, then.
  }
}
