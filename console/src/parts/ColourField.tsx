import { isHex, sixDigits } from "../words/contrast.ts";
import { Field } from "./Field.tsx";

interface Props {
  label: string;
  name: string;
  value: string;
  onChange: (value: string) => void;
  hint?: preact.ComponentChildren;
  problem?: string | null;
  /** Colours that were used before. */
  swatches?: string[];
}

const NOT_A_COLOUR = "A colour such as #4f46e5.";

/** The text is the field, and the browser's own chooser helps. */
export function ColourField({ label, name, value, onChange, hint, problem, swatches = [] }: Props) {
  const others = [...new Set(swatches.filter((colour) => isHex(colour) && colour !== value))].slice(0, 8);
  return (
    <Field label={label} name={name} hint={hint} problem={isHex(value) ? problem : NOT_A_COLOUR}>
      {(control) => (
        <span class="colour">
          <input
            type="color"
            aria-label={`${label}, chosen from a palette`}
            disabled={control.disabled}
            value={isHex(value) ? sixDigits(value) : "#000000"}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
          <input
            {...control}
            type="text"
            spellcheck={false}
            autocomplete="off"
            maxLength={7}
            value={value}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
          {others.map((colour) => (
            <button
              key={colour}
              type="button"
              class="swatch"
              style={{ background: colour }}
              aria-label={`${label}: ${colour}`}
              title={colour}
              disabled={control.disabled}
              onClick={() => onChange(colour)}
            />
          ))}
        </span>
      )}
    </Field>
  );
}
