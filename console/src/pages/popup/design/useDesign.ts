import type { Signal } from "@preact/signals";
import type { Design } from "../../../api/schema.ts";
import { useWorkshop } from "./useEditor.ts";

/** Fields of the design: the popup's, or what a variant changes of it. */
export function useDesign(arm: Signal<number | null>) {
  const { editor } = useWorkshop();
  const { design, variants } = editor.draft.value;
  const variant = arm.value === null ? undefined : variants[arm.value];
  const prefix = variant ? `variants.${arm.value}.design` : "design";
  const effective: Design = { ...design, ...variant?.design };
  return {
    design: effective,
    variant,
    field: <K extends keyof Design>(key: K) => ({
      name: `${prefix}.${key}`,
      value: effective[key],
      onChange: (value: unknown) => editor.set(`${prefix}.${key}`, value),
    }),
    /** What tells that a variant differs, with a way back. */
    isOwn: (key: keyof Design) => !!variant && key in variant.design,
    giveBack: (key: keyof Design) => editor.set(`${prefix}.${key}`, undefined),
  };
}
