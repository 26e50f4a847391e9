import type { Signal } from "@preact/signals";
import { LIMITS } from "../../../api/schema.ts";
import { TextField } from "../../../parts/fields.tsx";
import { ArmChoice } from "./ArmChoice.tsx";
import { Own } from "./Own.tsx";
import { useDesign } from "./useDesign.ts";

export function Content({ arm }: { arm: Signal<number | null> }) {
  const design = useDesign(arm);
  const { field } = design;
  return (
    <>
      <ArmChoice arm={arm} name="arm-of-words" label="Words of" />
      <TextField
        label="Heading"
        {...field("heading")}
        {...LIMITS.popup["design.heading"]}
        hint={<Own design={design} field="heading" />}
      />
      <TextField
        label="Text"
        {...field("subheading")}
        {...LIMITS.popup["design.subheading"]}
        lines={3}
        hint={<Own design={design} field="subheading" />}
      />
      <TextField
        label="Button"
        {...field("button_text")}
        {...LIMITS.popup["design.button_text"]}
        hint={<Own design={design} field="button_text" />}
      />
    </>
  );
}
