// What a save sends: a merge patch (RFC 7396) of the fields that were changed, and no others.

import { at, differing, isSame, put } from "./paths.ts";

/** The patch that makes `before` into `after`. What is no longer there is null: its default comes back. */
export function mergePatch(before: object, after: object): Record<string, unknown> {
  let patch = {};
  for (const path of differing(before, after)) patch = put(patch, path, valueFor(at(before, path), at(after, path)));
  return patch;
}

/** A merge patch keeps the keys that it does not name, so those that are gone are named. */
function valueFor(before: unknown, after: unknown): unknown {
  if (after === undefined) return null;
  if (!isPlain(before) || !isPlain(after)) return after;
  const gone = Object.keys(before).filter((key) => !(key in after));
  return { ...after, ...Object.fromEntries(gone.map((key) => [key, null])) };
}

const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface Difference {
  path: string;
  base: unknown;
  theirs: unknown;
  mine: unknown;
}

export interface Merge<T> {
  /** Theirs with mine on top, but for what is in conflict: there it is theirs. */
  merged: T;
  /** Changed by both, to different values. */
  conflicts: Difference[];
  /** Changed by them alone. */
  theirs: Difference[];
}

/** A three-way merge by field. Who edits a list edits all of it. */
export function merge<T extends object>(base: T, theirs: T, mine: T): Merge<T> {
  const difference = (path: string) => ({ path, base: at(base, path), theirs: at(theirs, path), mine: at(mine, path) });
  const changedByMe = differing(base, mine);
  const touches = (path: string) => changedByMe.some((own) => own === path || below(own, path) || below(path, own));
  const changed = differing(base, theirs).map(difference);
  const conflicts = changed.filter(({ path, theirs, mine }) => touches(path) && !isSame(theirs, mine));
  const isFree = (path: string) => !conflicts.some((each) => each.path === path || below(path, each.path));
  let merged = theirs;
  for (const path of changedByMe.filter(isFree)) merged = put(merged, path, at(mine, path));
  return { merged, conflicts, theirs: changed.filter(({ path }) => !touches(path)) };
}

const below = (path: string, parent: string) => path.startsWith(`${parent}.`);
