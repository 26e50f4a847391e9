import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { DiscountCode, Shop } from "../../../api/schema.ts";
import type { Editor } from "../../../draft/editor.ts";

/** What a builder begins with. */
export interface Ground {
  editor: Editor;
  shop: Shop;
  codes: DiscountCode[];
  /** Of the words that it began with, for the preview. */
  language: string;
}

export interface Workshop extends Ground {
  /** Takes in a code that was made from within the builder: the draft stays as it is. */
  addCode: (code: DiscountCode) => void;
}

export const WorkshopContext = createContext<Workshop | null>(null);

export function useWorkshop(): Workshop {
  const workshop = useContext(WorkshopContext);
  if (!workshop) throw new Error("The builder is around everything that asks for it.");
  return workshop;
}

/** What a field takes for one path of the draft: its name, its value, and what to do with another. */
export function useField<T>(path: string) {
  const { editor } = useWorkshop();
  return {
    name: path,
    value: editor.get(path) as T,
    onChange: (value: unknown) => editor.set(path, value),
  };
}
