import { LIMITS } from "../../../api/schema.ts";
import { NumberField } from "../../../parts/fields.tsx";
import { useField, useWorkshop } from "./useEditor.ts";

export function Frequency() {
  const { shop } = useWorkshop();
  return (
    <>
      <NumberField
        label="At most"
        {...useField<number>("frequency.max_per_session")}
        {...LIMITS.popup["frequency.max_per_session"]}
        unit="times a visit"
      />
      <NumberField
        label="After closing it, not for"
        {...useField<number>("frequency.days_after_close")}
        {...LIMITS.popup["frequency.days_after_close"]}
        unit="days"
      />
      <NumberField
        label="After saying yes, not for"
        {...useField<number>("frequency.days_after_conversion")}
        {...LIMITS.popup["frequency.days_after_conversion"]}
        unit="days"
      />
      <NumberField
        label="Priority"
        {...useField<number>("priority")}
        {...LIMITS.popup.priority}
        hint="If several popups could show at once, the highest does."
      />
      <p class="hint">
        Of all popups together a visitor sees at most {shop.popups_per_visit} a visit, {shop.seconds_between_popups}{" "}
        seconds apart (set under Shop).
      </p>
    </>
  );
}
