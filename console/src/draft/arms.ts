// A popup as those see it who get one of its variants.

import type { PopupDraft, Variant } from "../api/schema.ts";

/** With what the variant changes, field by field, as the storefront script puts it together. */
export function armOf(popup: PopupDraft, variant: Variant | undefined): PopupDraft {
  return {
    ...popup,
    design: { ...popup.design, ...variant?.design },
    offer: { ...popup.offer, ...variant?.offer },
  };
}
