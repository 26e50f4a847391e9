import { type Signal, useSignal } from "@preact/signals";
import type { PopupDraft } from "../../../api/schema.ts";
import { armOf } from "../../../draft/arms.ts";
import { CheckField, ChoiceField, SelectField } from "../../../parts/fields.tsx";
import { LANGUAGES, languageOf } from "../../../words/languages.ts";
import { ArmChoice } from "./ArmChoice.tsx";
import { Device, type Drawing, type PreviewState } from "./Device.tsx";
import { useWorkshop } from "./useEditor.ts";

const DEVICES = [
  ["phone", "Phone"],
  ["tablet", "Tablet"],
  ["desktop", "Desktop"],
] as const;

const STATES: readonly (readonly [PreviewState, string])[] = [
  ["form", "At first"],
  ["refused", "Refused"],
  ["thanks", "Thank you"],
  ["empty", "No code left"],
];

/** The popup as the shopper will see it, by the shopper's own script. */
export function Preview({ arm }: { arm: Signal<number | null> }) {
  const { editor } = useWorkshop();
  const device = useSignal<(typeof DEVICES)[number][0]>("phone");
  const state = useSignal<PreviewState>("form");
  const page = useSignal<"light" | "dark">("light");
  const tag = useSignal(useWorkshop().language);
  const isReal = useSignal(false);
  const draft = editor.draft.value;
  const popup = armOf(draft, arm.value === null ? undefined : draft.variants[arm.value]);
  const states = statesOf(popup);
  const shown = states.some(([key]) => key === state.value) ? state.value : "form";
  const { words, dir } = languageOf(tag.value);
  const drawing: Drawing = {
    popup: shown === "empty" ? withoutCode(popup) : popup,
    state: shown,
    isDark: page.value === "dark",
    lang: tag.value,
    dir,
    words,
    real: isReal.value,
  };
  return (
    <section class="preview" aria-labelledby="preview-title">
      <header class="quiet-legend">
        <h2 id="preview-title">Preview</h2>
        <ChoiceField label="Device" name="device" choices={DEVICES} {...bound(device)} />
      </header>
      <Device kind={device.value} drawing={drawing} />
      <div class="row">
        {states.length > 1 && (
          <ChoiceField
            label="What they see"
            name="state"
            value={shown}
            choices={states}
            onChange={bound(state).onChange}
          />
        )}
        <ArmChoice arm={arm} name="arm-of-preview" label="Version" />
      </div>
      <details>
        <summary>Page and words around it</summary>
        <div class="row">
          <ChoiceField
            label="Page behind"
            name="page"
            choices={[
              ["light", "Light"],
              ["dark", "Dark"],
            ]}
            {...bound(page)}
          />
          <SelectField
            label="Fixed words"
            name="language"
            choices={LANGUAGES.map((each) => [each.tag, each.name] as const)}
            {...bound(tag)}
          />
        </div>
        <CheckField label="Try it: let it take clicks and the keyboard" name="real" {...bound(isReal)} />
        <p class="hint">
          The typeface and the words around yours (“No, thanks”) are those of your shop’s pages. Nothing here is
          counted, and no code is given: PREVIEW is a sample.
        </p>
      </details>
    </section>
  );
}

const bound = <T,>(signal: Signal<T>) => ({
  value: signal.value,
  onChange: (value: T) => {
    signal.value = value;
  },
});

const asksEmail = ({ offer }: PopupDraft) => offer.type === "email_capture" || offer.type === "newsletter";

/** What a shopper can come to see. Where nothing is asked and nothing is given, the button just closes it. */
function statesOf(popup: PopupDraft) {
  const gives = !!popup.offer.discount_code_id;
  const possible: PreviewState[] = ["form"];
  if (asksEmail(popup)) possible.push("refused");
  if (asksEmail(popup) || gives) possible.push("thanks");
  if (gives) possible.push("empty");
  return STATES.filter(([key]) => possible.includes(key));
}

const withoutCode = (popup: PopupDraft): PopupDraft => ({
  ...popup,
  offer: { ...popup.offer, discount_code_id: null },
});
