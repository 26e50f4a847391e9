// A labelled control whose name is the path of the field that it edits, so that the API's messages find it.

import { type ComponentChildren, createContext } from "preact";
import { useContext, useId } from "preact/hooks";
import { type FieldErrors, messagesAt } from "../api/problem.ts";

export interface FormState {
  errors: FieldErrors;
  /** Why nothing can be changed. */
  off?: string;
}

export const Form = createContext<FormState>({ errors: {} });

export interface Control {
  id: string;
  name: string;
  disabled: boolean;
  "aria-invalid": boolean | undefined;
  "aria-describedby": string | undefined;
}

interface Props {
  label: ComponentChildren;
  name: string;
  hint?: ComponentChildren;
  /** What is wrong here before the server has seen it. */
  problem?: string | null;
  children: (control: Control) => ComponentChildren;
}

export function Field({ label, name, hint, problem, children }: Props) {
  const { errors, off } = useContext(Form);
  const id = useId();
  const messages = [...messagesAt(errors, name), ...(problem ? [problem] : [])];
  const described = [hint && `${id}-hint`, messages.length > 0 && `${id}-problem`].filter(Boolean).join(" ");
  const control = {
    id,
    name,
    disabled: !!off,
    "aria-invalid": messages.length > 0 || undefined,
    "aria-describedby": described || undefined,
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(control)}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {messages.length > 0 && (
        <p class="problem" id={`${id}-problem`}>
          {messages.join(" ")}
        </p>
      )}
    </div>
  );
}
