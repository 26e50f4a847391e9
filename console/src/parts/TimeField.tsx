import { useEffect, useState } from "preact/hooks";
import { ago } from "../numbers.ts";
import { fromZone, inZone } from "../zone.ts";
import { Field } from "./Field.tsx";

interface Props {
  label: string;
  name: string;
  value: string | null;
  onChange: (value: string | null) => void;
  timeZone: string;
  /** What holds without a time. */
  empty: string;
}

/** A time in the shop's zone, whose name stands beside it. Half a time is none, and stays as it is typed. */
export function TimeField({ label, name, value, onChange, timeZone, empty }: Props) {
  const shown = value ? inZone(value, timeZone) : "";
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const change = (typed: string) => {
    setText(typed);
    onChange(typed ? fromZone(typed.slice(0, 16), timeZone) : null);
  };
  return (
    <Field label={label} name={name} hint={value ? `${ago(value)}, in ${timeZone}` : `${empty}. In ${timeZone}`}>
      {(control) => (
        <input type="datetime-local" {...control} value={text} onInput={(event) => change(event.currentTarget.value)} />
      )}
    </Field>
  );
}
