import { useState } from "preact/hooks";
import { changeSource } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import { say } from "../../status.ts";

export interface ChangeProps {
  onClose: () => void;
  onChanged: () => void;
}

/** Sends changes of a source; what is refused stays, for the form. */
export function useChange(id: string, { onClose, onChanged }: ChangeProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = async (changes: object, text: string) => {
    try {
      await changeSource(id, changes);
      onClose();
      onChanged();
      say(text);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return { problem, change };
}
