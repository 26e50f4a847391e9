// A discount code while it is edited, and what is sent of it.

import type { DiscountCode } from "../../api/schema.ts";
import { isSame } from "../../draft/paths.ts";

export interface CodeDraft {
  code: string;
  type: DiscountCode["type"];
  value: string;
  minimum_purchase: string;
  maximum_discount: string;
  starts_at: string | null;
  expires_at: string | null;
  usage_limit: number | null;
  single_use: boolean;
}

export const NEW: CodeDraft = {
  code: "",
  type: "percentage",
  value: "10",
  minimum_purchase: "",
  maximum_discount: "",
  starts_at: null,
  expires_at: null,
  usage_limit: null,
  single_use: false,
};

export const draftOf = (code: DiscountCode): CodeDraft => ({
  ...code,
  code: code.code ?? "",
  minimum_purchase: code.minimum_purchase ?? "",
  maximum_discount: code.maximum_discount ?? "",
});

const text = (typed: string) => typed.trim() || null;

/** As the API takes it; what is null is without a limit, and a code of null is made up. */
export function sent(draft: CodeDraft): Record<string, unknown> {
  const { type, single_use, starts_at, expires_at } = draft;
  return {
    type,
    single_use,
    starts_at,
    expires_at,
    value: draft.value.trim(),
    minimum_purchase: text(draft.minimum_purchase),
    maximum_discount: type === "percentage" ? text(draft.maximum_discount) : null,
    ...(!single_use && { code: text(draft.code), usage_limit: draft.usage_limit }),
  };
}

/** A merge patch of what was changed. */
export function changes(before: CodeDraft, after: CodeDraft): Record<string, unknown> {
  const known = sent(before);
  return Object.fromEntries(Object.entries(sent(after)).filter(([name, value]) => !isSame(value, known[name])));
}
