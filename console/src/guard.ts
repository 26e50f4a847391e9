// What is not saved is asked about before it is left: within the console, and by the browser where the tab is closed.

import { useEffect } from "preact/hooks";
import { guardWith } from "./router.ts";
import { fieldNames } from "./words/fields.ts";

const MOST_NAMED = 6;

/** Stands while a field differs, and not a moment longer: it costs the browser's quick way back. */
export function useGuard(changed: readonly string[]) {
  const named = fieldNames(changed.slice(0, MOST_NAMED));
  useEffect(() => {
    if (!named) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", stay);
    guardWith(() => confirm(`Not saved: ${named}. Leave all the same?`));
    return () => {
      removeEventListener("beforeunload", stay);
      guardWith(null);
    };
  }, [named]);
}
