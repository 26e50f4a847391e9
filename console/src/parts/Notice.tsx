import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem.ts";
import { Button } from "./Button.tsx";

type Kind = "info" | "warning" | "problem" | "good";

/** Stays until what it says is no more. */
export function Notice({ kind = "info", children }: { kind?: Kind; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === "problem" ? "alert" : undefined}>
      {children}
    </div>
  );
}

export function ProblemNotice({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <Notice kind="problem">
      <p>{problem.message}</p>
      {problem.requestId && <p class="hint">Request {problem.requestId}</p>}
      {onRetry && <Button onPress={onRetry}>Try again</Button>}
    </Notice>
  );
}
