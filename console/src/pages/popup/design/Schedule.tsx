import { LIMITS } from "../../../api/schema.ts";
import { NumberField } from "../../../parts/fields.tsx";
import { TimeField } from "../../../parts/TimeField.tsx";
import { useField, useWorkshop } from "./useEditor.ts";

export function Schedule() {
  const { shop } = useWorkshop();
  const zone = { timeZone: shop.time_zone };
  return (
    <>
      <TimeField label="From" {...useField<string | null>("starts_at")} {...zone} empty="As soon as it is live" />
      <TimeField label="Until" {...useField<string | null>("ends_at")} {...zone} empty="Without an end" />
      <NumberField
        label="At most"
        {...useField<number | null>("view_limit")}
        {...LIMITS.popup.view_limit}
        unit="views in all"
        placeholder="any"
      />
    </>
  );
}
