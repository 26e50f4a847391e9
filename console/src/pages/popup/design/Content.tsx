import type { Signal } from "@preact/signals";
import { LIMITS } from "../../../api/schema.ts";
import { TextField } from "../../../parts/fields.tsx";
import { ArmChoice } from "./ArmChoice.tsx";
import { Own } from "./Own.tsx";
import { useArm } from "./useArm.ts";

export function Content({ arm }: { arm: Signal<number | null> }) {
  const { field, own } = useArm(arm, "design");
  return (
    <>
      <ArmChoice arm={arm} name="arm-of-words" label="Words of" />
      <TextField
        label="Heading"
        {...field("heading")}
        {...LIMITS.popup["design.heading"]}
        hint={<Own of={own} field="heading" />}
      />
      <TextField
        label="Text"
        {...field("subheading")}
        {...LIMITS.popup["design.subheading"]}
        lines={3}
        hint={<Own of={own} field="subheading" />}
      />
      <TextField
        label="Button"
        {...field("button_text")}
        {...LIMITS.popup["design.button_text"]}
        hint={<Own of={own} field="button_text" />}
      />
    </>
  );
}
