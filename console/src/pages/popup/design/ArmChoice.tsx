import type { Signal } from "@preact/signals";
import { ChoiceField } from "../../../parts/fields.tsx";
import { useWorkshop } from "./useEditor.ts";

/** Whose words and look are edited and previewed, where there are variants. */
export function ArmChoice({ arm, name, label }: { arm: Signal<number | null>; name: string; label: string }) {
  const { editor } = useWorkshop();
  const { variants } = editor.draft.value;
  if (variants.length === 0) return null;
  const choices = [
    ["", "The popup"] as const,
    ...variants.map(({ id, name: called }, index) => [String(index), called || id] as const),
  ];
  return (
    <ChoiceField
      label={label}
      name={name}
      value={arm.value === null ? "" : String(arm.value)}
      choices={choices}
      onChange={(index) => {
        arm.value = index === "" ? null : Number(index);
      }}
    />
  );
}
