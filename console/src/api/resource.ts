// What a page reads: fetched when it is shown, aborted when it is left, and said how old it is.

import { useCallback, useEffect, useState } from "preact/hooks";
import { Problem } from "./problem.ts";

export interface Resource<T> {
  data: T | null;
  problem: Problem | null;
  isLoading: boolean;
  /** When it came, in milliseconds since 1970. */
  at: number;
  reload(): void;
}

type Fetch<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Fetches when `key` changes; null fetches nothing. The data of the key before stays on screen until the new has come, so
 * that a changed filter does not make the page jump; `keep: false` drops it at once, for what belongs to something else.
 */
export function useResource<T>(key: string | null, fetchIt: Fetch<T>, { keep = true } = {}): Resource<T> {
  const [state, setState] = useState<{ data: T | null; problem: Problem | null; at: number; key: string | null }>({
    data: null,
    problem: null,
    at: 0,
    key: null,
  });
  const [turn, setTurn] = useState(0);
  // The key says what fetchIt fetches, and turn asks anew.
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    fetchIt(controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, problem: null, at: Date.now(), key }),
      (error) => {
        if (controller.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, { detail: String(error) });
        setState((before) => ({ ...before, problem, key }));
      },
    );
    return () => controller.abort();
  }, [key, turn]);
  const reload = useCallback(() => setTurn((value) => value + 1), []);
  const isOther = state.key !== key;
  const data = isOther && !keep ? null : state.data;
  return { data, problem: isOther ? null : state.problem, at: state.at, isLoading: key !== null && isOther, reload };
}
