import { LIMITS } from "../../api/schema.ts";
import { ChoiceField, NumberField, TextField } from "../../parts/fields.tsx";
import { TimeField } from "../../parts/TimeField.tsx";
import { shop, zone } from "../../shop.ts";
import type { CodeDraft } from "./draft.ts";

const TYPES = [
  ["percentage", "Percent"],
  ["fixed", "An amount"],
] as const;

interface Props {
  draft: CodeDraft;
  onChange: (draft: CodeDraft) => void;
  /** It is stored, under this code. */
  isStored?: boolean;
}

/** What a discount code takes off, of what, and how long. */
export function CodeFields({ draft, onChange, isStored }: Props) {
  const currency = shop.value?.currency ?? "";
  const isPercent = draft.type === "percentage";
  const field = <K extends keyof CodeDraft>(name: K) => ({
    name,
    value: draft[name],
    onChange: (value: CodeDraft[K]) => onChange({ ...draft, [name]: value }),
  });
  return (
    <>
      {!draft.single_use && (
        <TextField
          label="Code"
          {...field("code")}
          maxLength={50}
          hint={isStored ? "Another one takes this one from whoever has it." : "Left empty one is made up."}
        />
      )}
      <ChoiceField label="What it takes off" {...field("type")} choices={TYPES} />
      <div class="columns">
        <TextField label={isPercent ? "Percent" : `Amount (${currency})`} {...field("value")} />
        <TextField label={`From an order of (${currency})`} {...field("minimum_purchase")} placeholder="any" />
        {isPercent && (
          <TextField label={`At most (${currency})`} {...field("maximum_discount")} placeholder="without a limit" />
        )}
      </div>
      <div class="columns">
        <TimeField label="From" {...field("starts_at")} timeZone={zone.value} empty="At once" />
        <TimeField label="Until" {...field("expires_at")} timeZone={zone.value} empty="Without an end" />
      </div>
      {!draft.single_use && (
        <NumberField
          label="Uses in all, at most"
          {...field("usage_limit")}
          {...LIMITS.discount_code.usage_limit}
          placeholder="any"
        />
      )}
    </>
  );
}
