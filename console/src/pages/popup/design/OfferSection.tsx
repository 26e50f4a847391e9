import type { Signal } from "@preact/signals";
import { LIMITS, type Offer } from "../../../api/schema.ts";
import { ChoiceField, SelectField, TextField } from "../../../parts/fields.tsx";
import { codeWords } from "../../../words/settings.ts";
import { ArmChoice } from "./ArmChoice.tsx";
import { NewCode } from "./NewCode.tsx";
import { Own } from "./Own.tsx";
import { useArm } from "./useArm.ts";
import { useWorkshop } from "./useEditor.ts";

const OFFERS = [
  ["none", "A message"],
  ["email_capture", "Something for an e-mail address"],
  ["newsletter", "A newsletter"],
  ["discount", "A discount"],
  ["free_shipping", "Free shipping"],
] as const;

const WHEN_EMPTY = [
  ["without_code", "go on without a code"],
  ["fallback", "give another code"],
  ["stop", "no longer show the popup"],
] as const;

type WhenEmpty = NonNullable<Offer["when_empty"]>;
type Given = ReturnType<typeof useArm<"offer">>;

/** What the popup offers, or what one of its variants offers instead. */
export function OfferSection({ arm }: { arm: Signal<number | null> }) {
  const offer = useArm(arm, "offer");
  const { value, field, own } = offer;
  const asksEmail = value.type === "email_capture" || value.type === "newsletter";
  return (
    <>
      <ArmChoice arm={arm} name="arm-of-offer" label="Offer of" />
      <SelectField
        label="What it offers"
        {...field("type")}
        choices={OFFERS}
        hint={own.variant && <Own of={own} field="type" />}
      />
      <Code offer={offer} />
      {value.discount_code_id && <Empty offer={offer} />}
      {(asksEmail || value.consent_text) && (
        <TextField
          label="Consent"
          {...field("consent_text")}
          value={value.consent_text ?? ""}
          onChange={(text) => field("consent_text").onChange(text || null)}
          {...LIMITS.popup["offer.consent_text"]}
          lines={3}
          hint={
            <>
              Shown with a box to tick. The text, the time and the popup are kept as the proof.{" "}
              <Own of={own} field="consent_text" />
            </>
          }
        />
      )}
    </>
  );
}

function Code({ offer: { value, field, own } }: { offer: Given }) {
  const { codes, shop } = useWorkshop();
  const id = value.discount_code_id;
  const isLost = !!id && !codes.some((code) => code.id === id);
  const choices: [string, string][] = [
    ["", "No code"],
    ...codes.map((code): [string, string] => [code.id, codeWords(code, shop.currency)]),
    ...(isLost ? [[id, "A code that is not listed"] as [string, string]] : []),
  ];
  return (
    <>
      <SelectField
        label="Discount code"
        {...field("discount_code_id")}
        value={id ?? ""}
        choices={choices}
        onChange={(chosen) => field("discount_code_id").onChange(chosen || null)}
        hint={own.variant && <Own of={own} field="discount_code_id" />}
      />
      <NewCode onMade={field("discount_code_id").onChange} />
    </>
  );
}

/** What happens once the code can no longer be given. */
function Empty({ offer: { value, field, own } }: { offer: Given }) {
  const { codes, shop } = useWorkshop();
  const open = codes.filter(({ single_use, code, id }) => !single_use && code && id !== value.discount_code_id);
  const chosen: WhenEmpty = value.when_empty ?? "without_code";
  return (
    <>
      <ChoiceField
        label="If no code is left"
        {...field("when_empty")}
        value={chosen}
        choices={WHEN_EMPTY}
        hint={own.variant && <Own of={own} field="when_empty" />}
      />
      {chosen === "fallback" && (
        <SelectField
          label="The other code"
          {...field("fallback_discount_code_id")}
          value={value.fallback_discount_code_id ?? ""}
          choices={[
            ["", "Choose one"],
            ...open.map((each): [string, string] => [each.id, codeWords(each, shop.currency)]),
          ]}
          onChange={(id) => field("fallback_discount_code_id").onChange(id || undefined)}
          hint={
            <>
              One for everybody, so that it cannot run out too. <Own of={own} field="fallback_discount_code_id" />
            </>
          }
        />
      )}
    </>
  );
}
