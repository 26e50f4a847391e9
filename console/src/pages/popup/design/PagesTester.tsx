import { useSignal } from "@preact/signals";
import { TextField } from "../../../parts/fields.tsx";
import { onPage } from "../../../words/pages.ts";
import { useWorkshop } from "./useEditor.ts";

/** Addresses tried against the patterns, by the storefront script's own matcher. Nothing of it is stored. */
export function PagesTester() {
  const { editor, shop } = useWorkshop();
  const text = useSignal("/\n/products/fern?colour=green\n/checkout");
  const { include_pages, exclude_pages } = editor.draft.value.targeting;
  const addresses = text.value.split("\n").filter((line) => line.trim());
  return (
    <div class="tester">
      <TextField
        label="Try pages"
        name="tried-pages"
        value={text.value}
        onChange={(typed) => {
          text.value = typed;
        }}
        lines={3}
        spellcheck={false}
        hint="Addresses of your shop, one a line."
      />
      <ul aria-label="Whether it shows there">
        {addresses.map((address, index) => {
          const { isShown, text } = verdict(address, include_pages, exclude_pages, shop.never_on_pages);
          return (
            <li key={index} class={isShown ? "yes" : "no"}>
              <b>{isShown ? "Shows" : "Does not show"}</b> <code>{address}</code> <span>{text}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function verdict(...given: Parameters<typeof onPage>): ReturnType<typeof onPage> {
  try {
    return onPage(...given);
  } catch {
    return { isShown: false, text: "This is no address." };
  }
}
