import type { PopupDraft } from "../../api/schema.ts";
import { readableOn } from "../../words/contrast.ts";
import { languageOf } from "../../words/languages.ts";

/** A template at a glance. The builder shows it as it will be. */
export function Miniature({ popup, lang }: { popup: PopupDraft; lang: string }) {
  const { design, offer } = popup;
  const { background_color: background, text_color: color, button_color } = design;
  const asksEmail = offer.type === "email_capture" || offer.type === "newsletter";
  return (
    <div class="miniature" aria-hidden="true" lang={lang} dir={languageOf(lang).dir}>
      <div style={{ background, color }}>
        <b>{design.heading || "…"}</b>
        <span>{design.subheading}</span>
        {asksEmail && <i style={{ borderColor: color }} />}
        {design.button_text && (
          <em style={{ background: button_color, color: readableOn(button_color) }}>{design.button_text}</em>
        )}
      </div>
    </div>
  );
}
