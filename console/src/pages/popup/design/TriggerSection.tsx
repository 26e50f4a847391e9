import { LIMITS, type Trigger } from "../../../api/schema.ts";
import { NumberField, SelectField, TextField } from "../../../parts/fields.tsx";
import { useField } from "./useEditor.ts";

type TriggerType = Trigger["type"];

const TRIGGERS = [
  ["exit_intent", "When they are about to leave"],
  ["time_delay", "After some time on the page"],
  ["scroll_percentage", "After scrolling some way"],
  ["inactivity", "After a while without doing anything"],
  ["click", "When they click on something"],
] as const;

const HINTS: Partial<Record<TriggerType, string>> = {
  exit_intent:
    "On computers: the mouse leaves through the top. On phones: a quick flick up, or coming back to the tab.",
  click: "It then shows however often it was closed before: they asked for it.",
};

export function TriggerSection() {
  const type = useField<TriggerType>("trigger.type");
  const selector = useField<string | null>("trigger.selector");
  const delay = useField<number>("trigger.delay_seconds");
  const scroll = useField<number>("trigger.scroll_percentage");
  return (
    <>
      <SelectField label="It shows" {...type} choices={TRIGGERS} hint={HINTS[type.value]} />
      {(type.value === "time_delay" || type.value === "inactivity") && (
        <NumberField label="After" {...delay} {...LIMITS.popup["trigger.delay_seconds"]} unit="seconds" />
      )}
      {type.value === "scroll_percentage" && (
        <NumberField
          label="After scrolling"
          {...scroll}
          {...LIMITS.popup["trigger.scroll_percentage"]}
          unit="% of the page"
        />
      )}
      {type.value === "click" && (
        <TextField
          label="On what"
          {...selector}
          value={selector.value ?? ""}
          onChange={(text) => selector.onChange(text || null)}
          {...LIMITS.popup["trigger.selector"]}
          spellcheck={false}
          placeholder="#offer"
          hint="A CSS selector: #offer is the element with that id, .deal every element of that class."
        />
      )}
    </>
  );
}
