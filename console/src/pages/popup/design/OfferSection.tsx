import { LIMITS } from "../../../api/schema.ts";
import { ChoiceField, SelectField, TextField } from "../../../parts/fields.tsx";
import { codeWords } from "../../../words/settings.ts";
import { useField, useWorkshop } from "./useEditor.ts";

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

export function OfferSection() {
  const { editor, codes, shop } = useWorkshop();
  const { offer } = editor.draft.value;
  const asksEmail = offer.type === "email_capture" || offer.type === "newsletter";
  const consent = useField<string | null>("offer.consent_text");
  const code = useField<string | null>("offer.discount_code_id");
  const known = codes.map((each) => [each.id, codeWords(each, shop.currency)] as const);
  const isLost = !!code.value && !codes.some(({ id }) => id === code.value);
  const choices = [
    ["", "No code"] as const,
    ...known,
    ...(isLost ? [[code.value, "A code that is not listed"] as const] : []),
  ];
  return (
    <>
      <SelectField label="What it offers" {...useField<typeof offer.type>("offer.type")} choices={OFFERS} />
      <SelectField
        label="Discount code"
        {...code}
        value={code.value ?? ""}
        choices={choices as [string, string][]}
        onChange={(id) => code.onChange(id || null)}
        hint={
          <>
            Made under{" "}
            <a href="#/codes" target="_blank" rel="noopener">
              Discount codes
            </a>{" "}
            (opens another tab).
          </>
        }
      />
      {code.value && <WhenEmpty />}
      {(asksEmail || consent.value) && (
        <TextField
          label="Consent"
          {...consent}
          value={consent.value ?? ""}
          onChange={(text) => consent.onChange(text || null)}
          {...LIMITS.popup["offer.consent_text"]}
          lines={3}
          hint="Shown with a box to tick. The text, the time and the popup are kept as the proof."
        />
      )}
    </>
  );
}

/** What happens once the code can no longer be given. */
function WhenEmpty() {
  const { editor, codes, shop } = useWorkshop();
  const { offer } = editor.draft.value;
  const chosen = useField<"without_code" | "fallback" | "stop" | undefined>("offer.when_empty");
  const fallback = useField<string | undefined>("offer.fallback_discount_code_id");
  const open = codes.filter(({ single_use, code, id }) => !single_use && code && id !== offer.discount_code_id);
  return (
    <>
      <ChoiceField label="If no code is left" {...chosen} value={chosen.value ?? "without_code"} choices={WHEN_EMPTY} />
      {chosen.value === "fallback" && (
        <SelectField
          label="The other code"
          {...fallback}
          value={fallback.value ?? ""}
          choices={[
            ["", "Choose one"],
            ...open.map((each) => [each.id, codeWords(each, shop.currency)] as [string, string]),
          ]}
          onChange={(id) => fallback.onChange(id || undefined)}
          hint="One for everybody, so that it cannot run out too."
        />
      )}
    </>
  );
}
