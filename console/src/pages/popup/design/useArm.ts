import type { Signal } from "@preact/signals";
import type { Design, Offer, Variant } from "../../../api/schema.ts";
import { useWorkshop } from "./useEditor.ts";

interface Parts {
  design: Design;
  offer: Offer;
}

/** What tells below a field that a variant differs there, with a way back. */
export interface OwnFields {
  variant: Variant | undefined;
  isOwn: (key: string) => boolean;
  giveBack: (key: string) => void;
}

/** The design or the offer of the popup, or what a variant changes of it. */
export function useArm<P extends keyof Parts>(arm: Signal<number | null>, part: P) {
  const { editor } = useWorkshop();
  const draft = editor.draft.value;
  const variant = arm.value === null ? undefined : draft.variants[arm.value];
  const prefix = variant ? `variants.${arm.value}.${part}` : part;
  const value = { ...draft[part], ...variant?.[part] } as Parts[P];
  const own: OwnFields = {
    variant,
    isOwn: (key) => !!variant && key in variant[part],
    giveBack: (key) => editor.set(`${prefix}.${key}`, undefined),
  };
  return {
    value,
    own,
    field: <K extends keyof Parts[P] & string>(key: K) => ({
      name: `${prefix}.${key}`,
      value: value[key],
      onChange: (given: unknown) => editor.set(`${prefix}.${key}`, given),
    }),
  };
}
