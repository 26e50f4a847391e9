// A popup while it is edited. What the server sends never flows into the draft but by a merge that somebody has asked for.

import { computed, effect, signal } from "@preact/signals";
import { changePopup, createPopup, getPopup, rollbackPopup } from "../api/calls.ts";
import { type FieldErrors, Problem } from "../api/problem.ts";
import type { Answer } from "../api/request.ts";
import type { Popup, PopupDraft } from "../api/schema.ts";
import { say } from "../status.ts";
import { writable } from "./blank.ts";
import { forget, keep, kept } from "./keep.ts";
import { type Merge, merge, mergePatch } from "./patch.ts";
import { at, differing, put } from "./paths.ts";

export interface Conflict extends Merge<PopupDraft> {
  stored: PopupDraft;
  etag: string;
  version: number;
}

const MOST_UNDO = 100;
const KEEP_AFTER_MS = 300;
export const AUTOSAVE_AFTER_MS = 1500;

export class Editor {
  readonly id = signal<string | null>(null);
  readonly base = signal<PopupDraft>({} as PopupDraft);
  readonly draft = signal<PopupDraft>({} as PopupDraft);
  readonly version = signal(0);
  readonly errors = signal<FieldErrors>({});
  readonly trouble = signal("");
  readonly conflict = signal<Conflict | null>(null);
  readonly isSaving = signal(false);
  readonly savedAt = signal(0);
  /** Unsaved work of an earlier visit, until somebody says what to do with it. */
  readonly found = signal(false);
  readonly changed = computed(() => differing(this.base.value, this.draft.value));
  readonly isDirty = computed(() => this.changed.value.length > 0);
  #etag: string;
  #past: PopupDraft[] = [];
  #offersUndo = false;
  // One for the popup that is made, however often its Save is pressed.
  readonly #idempotencyKey = crypto.randomUUID();
  readonly #stopKeeping: () => void;

  constructor(stored: Answer<Popup> | null, start: PopupDraft) {
    this.base.value = stored ? writable(stored.data) : start;
    this.draft.value = stored ? this.base.value : start;
    this.id.value = stored?.data.id ?? null;
    this.version.value = stored?.data.version ?? 0;
    this.#etag = stored?.etag ?? "";
    this.found.value = !!this.keptWork();
    this.#stopKeeping = this.#keepWork();
  }

  /** Under which unsaved work is kept. */
  get place() {
    return this.id.value ?? "new";
  }

  private keptWork() {
    const work = kept(this.place);
    return work && differing(work.base, work.draft).length > 0 ? work : null;
  }

  #keepWork() {
    let timer = 0;
    const stop = effect(() => {
      const value = { draft: this.draft.value, base: this.base.value, version: this.version.value, at: Date.now() };
      const isDirty = this.isDirty.value;
      if (this.found.value) return;
      clearTimeout(timer);
      timer = window.setTimeout(() => (isDirty ? keep(this.place, value) : forget(this.place)), KEEP_AFTER_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }

  close() {
    this.#stopKeeping();
  }

  /** Brings unsaved work back; what was saved meanwhile by others is merged like any conflict. */
  restore() {
    const work = this.keptWork();
    this.found.value = false;
    if (!work) return;
    const stored = this.base.value;
    const merged = merge(work.base, stored, work.draft);
    if (work.version === this.version.value || merged.conflicts.length === 0) this.#change(merged.merged);
    else this.conflict.value = { ...merged, stored, etag: this.#etag, version: this.version.value };
  }

  discard() {
    forget(this.place);
    this.found.value = false;
  }

  get(path: string): unknown {
    return at(this.draft.value, path);
  }

  set(path: string, value: unknown) {
    this.#change(put(this.draft.value, path, value));
    if (!(path in this.errors.value)) return;
    const { [path]: _, ...others } = this.errors.value;
    this.errors.value = others;
  }

  #change(draft: PopupDraft) {
    // What takes back the save before would take this along.
    if (this.#offersUndo) say("");
    this.#offersUndo = false;
    this.#past = [...this.#past.slice(-MOST_UNDO), this.draft.value];
    this.draft.value = draft;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  undo() {
    const before = this.#past.pop();
    if (before) this.draft.value = before;
  }

  /** The one way to save. Answers whether it is saved; what is wrong is in `errors`, `trouble` or `conflict`. */
  async save({ status, isQuiet }: { status?: Popup["status"]; isQuiet?: boolean } = {}): Promise<boolean> {
    if (this.isSaving.value) return false;
    const sent = status ? { ...this.draft.value, status } : this.draft.value;
    const before = this.version.value;
    this.isSaving.value = true;
    try {
      const id = this.id.value;
      if (id && differing(this.base.value, sent).length === 0) return true;
      const answer = id
        ? await changePopup(id, mergePatch(this.base.value, sent), this.#etag)
        : await createPopup(sent, this.#idempotencyKey);
      this.#took(answer, sent, !!isQuiet);
      if (!isQuiet) this.#offerUndo(before, answer.data.version);
      return true;
    } catch (error) {
      await this.#refused(error);
      return false;
    } finally {
      this.isSaving.value = false;
    }
  }

  /** What was typed meanwhile stays; elsewhere the draft is as the server wrote it, but while somebody may be typing. */
  #took(answer: Answer<Popup>, sent: PopupDraft, isQuiet: boolean) {
    const work = this.place;
    const stored = isQuiet ? { ...sent } : writable(answer.data);
    const typed = { ...this.draft.value, status: sent.status };
    this.base.value = stored;
    const { merged, conflicts } = merge(sent, stored, typed);
    this.draft.value = conflicts.reduce((draft, { path, mine }) => put(draft, path, mine), merged);
    this.#etag = answer.etag;
    this.version.value = answer.data.version;
    this.id.value = answer.data.id;
    this.errors.value = {};
    this.trouble.value = "";
    this.savedAt.value = Date.now();
    if (work !== this.place) forget(work);
  }

  #offerUndo(before: number, version: number) {
    const id = this.id.value;
    if (!id || before === 0) return say("Saved.");
    this.#offersUndo = true;
    say(`Saved as version ${version}.`, async () => {
      this.#offersUndo = false;
      this.#replace(await rollbackPopup(id, before, this.#etag));
      say(`It is as it was in version ${before}.`);
    });
  }

  #replace(answer: Answer<Popup>) {
    this.base.value = writable(answer.data);
    this.draft.value = this.base.value;
    this.#etag = answer.etag;
    this.version.value = answer.data.version;
  }

  async #refused(error: unknown) {
    if (!(error instanceof Problem)) throw error;
    this.errors.value = error.errors;
    this.trouble.value = error.message;
    const id = this.id.value;
    if (error.status !== 412 || !id) return;
    const { data, etag } = await getPopup(id);
    const stored = writable(data);
    this.conflict.value = { ...merge(this.base.value, stored, this.draft.value), stored, etag, version: data.version };
    this.trouble.value = "";
  }

  /** Takes theirs as the new ground, and `draft` on top of it. Saving is another step. */
  settle(draft: PopupDraft) {
    const conflict = this.conflict.value;
    if (!conflict) return;
    this.#etag = conflict.etag;
    this.version.value = conflict.version;
    this.base.value = conflict.stored;
    this.#change(draft);
    this.conflict.value = null;
  }
}
