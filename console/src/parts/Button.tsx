import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Problem } from "../api/problem.ts";
import { say } from "../status.ts";
import { Icon, type IconName } from "./Icon.tsx";

interface Props {
  children: ComponentChildren;
  onPress: () => unknown;
  kind?: "main" | "plain" | "quiet" | "danger";
  icon?: IconName;
  /** Why it is off. It stays where it is, can be reached, and says so when it is pressed, too. */
  off?: string | false | null;
  type?: "button" | "submit";
  label?: string;
}

/** Busy while what it started runs; a second press meanwhile does nothing. A problem is told in the status line. */
export function Button({ children, onPress, kind = "plain", icon, off, type = "button", label }: Props) {
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const press = async (event: Event) => {
    if (type === "button") event.preventDefault();
    if (off) return say(off);
    if (isBusy) return;
    setBusy(true);
    try {
      await onPress();
    } catch (error) {
      say(error instanceof Problem ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button
        type={type}
        class={`button ${kind}`}
        onClick={press}
        aria-disabled={!!off || isBusy}
        aria-describedby={off ? id : undefined}
        aria-label={label}
        title={off || label || undefined}
      >
        {icon && <Icon name={icon} />}
        {children}
      </button>
      {off && (
        <span id={id} hidden>
          {off}
        </span>
      )}
    </>
  );
}
