// The kinds of controls. All are native, and none ever changes what is being typed in it.

import type { ComponentChildren, JSX } from "preact";
import { useContext, useId } from "preact/hooks";
import { Field, Form } from "./Field.tsx";

/** Preact types each kind of input apart, which says nothing of one whose kind is a property. */
type InputProps = JSX.IntrinsicElements["input"];

interface Common<T> {
  label: ComponentChildren;
  name: string;
  value: T;
  onChange: (value: T) => void;
  hint?: ComponentChildren;
  problem?: string | null;
}

type Text = Common<string> & {
  maxLength?: number;
  placeholder?: string;
  required?: boolean;
  type?: "text" | "url" | "search" | "date";
  autocomplete?: string;
  lines?: number;
  spellcheck?: boolean;
  /** What may be meant, offered while typing. */
  list?: string[];
};

export function TextField({ label, name, hint, problem, value, onChange, lines, list, type = "text", ...more }: Text) {
  const listId = useId();
  const onInput = (event: Event) => onChange((event.currentTarget as HTMLInputElement).value);
  return (
    <Field {...{ label, name, hint, problem }}>
      {(control) =>
        lines ? (
          <textarea dir="auto" {...control} {...more} rows={lines} value={value} onInput={onInput} />
        ) : (
          <>
            <input
              {...({ type, dir: "auto", list: list && listId, ...control, ...more, value, onInput } as InputProps)}
            />
            {list && (
              <datalist id={listId}>
                {list.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            )}
          </>
        )
      }
    </Field>
  );
}

type Numeric = Common<number | null> & {
  min?: number;
  max?: number;
  step?: number;
  unit?: ComponentChildren;
  /** Shown where nothing is given. */
  placeholder?: string;
};

/** A whole number, or null where it is left empty. */
export function NumberField({ label, name, hint, problem, value, onChange, unit, ...more }: Numeric) {
  const onInput = (event: Event) => {
    const { value: text, valueAsNumber } = event.currentTarget as HTMLInputElement;
    onChange(text === "" ? null : valueAsNumber);
  };
  return (
    <Field {...{ label, name, hint, problem }}>
      {(control) => (
        <span class="with-unit">
          <input type="number" inputMode="numeric" {...control} {...more} value={value ?? ""} onInput={onInput} />
          {unit && <span class="unit">{unit}</span>}
        </span>
      )}
    </Field>
  );
}

export type Choices<T extends string> = readonly (readonly [T, string])[];

export function SelectField<T extends string>(props: Common<T> & { choices: Choices<T> }) {
  const { label, name, hint, problem, value, onChange, choices } = props;
  return (
    <Field {...{ label, name, hint, problem }}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {choices.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

type Check = { label: ComponentChildren; name: string; value: boolean; onChange: (value: boolean) => void };

export function CheckField({ label, name, value, onChange }: Check) {
  const { off } = useContext(Form);
  return (
    <label class="check">
      <input
        type="checkbox"
        name={name}
        checked={value}
        disabled={!!off}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

type Radio<T extends string> = Common<T> & { choices: Choices<T> };

/** A few choices side by side. */
export function ChoiceField<T extends string>({ label, name, hint, value, onChange, choices }: Radio<T>) {
  const { off } = useContext(Form);
  const id = useId();
  return (
    <fieldset class="choices" aria-describedby={hint ? id : undefined}>
      <legend>{label}</legend>
      <div class="segments">
        {choices.map(([key, text]) => (
          <label key={key}>
            <input
              type="radio"
              name={name}
              value={key}
              checked={value === key}
              disabled={!!off}
              onChange={() => onChange(key)}
            />
            <span>{text}</span>
          </label>
        ))}
      </div>
      {hint && (
        <p class="hint" id={id}>
          {hint}
        </p>
      )}
    </fieldset>
  );
}
