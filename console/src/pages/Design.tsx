import { useEffect, useRef, useState } from "preact/hooks";
import type { Address } from "../addresses.ts";
import { getPopup, listDiscountCodes } from "../api/calls.ts";
import { useResource } from "../api/resource.ts";
import { BLANK } from "../draft/blank.ts";
import { Editor } from "../draft/editor.ts";
import { ProblemNotice } from "../parts/Notice.tsx";
import { Page } from "../parts/Page.tsx";
import { loadShop } from "../shop.ts";
import { tagOf } from "../words/languages.ts";
import { Builder } from "./popup/design/Builder.tsx";
import type { Ground } from "./popup/design/useEditor.ts";
import { PopupHead } from "./popup/PopupHead.tsx";
import { templateOf } from "./templates/templates.ts";
import "../style/builder.css";

const MOST_CODES = 100;

/** The builder: of a stored popup, or of a new one that is stored once somebody saves it. */
export function Design({ address }: { address: Address }) {
  const id = address.page === "popup" ? address.id : null;
  const ground = useGround(id, address);
  if (ground.problem) {
    return (
      <Page title="Popup" before={id && <PopupHead id={id} tab="design" />}>
        <ProblemNotice problem={ground.problem} onRetry={ground.reload} />
      </Page>
    );
  }
  if (!ground.data) return <p class="loading">Loading…</p>;
  return <Builder {...ground.data} />;
}

function useGround(id: string | null, { query }: Address) {
  const made = useRef<Editor | null>(null);
  const [key] = useState(id ?? "new");
  useEffect(() => () => made.current?.close(), []);
  return useResource<Ground>(key, async (signal) => {
    const [stored, shop, codes] = await Promise.all([
      id ? getPopup(id, signal) : null,
      loadShop(),
      listDiscountCodes({ limit: MOST_CODES }, signal),
    ]);
    made.current?.close();
    made.current = new Editor(stored, stored ? BLANK : templateOf(query.template, query.language));
    const language = query.language ?? tagOf(made.current.draft.value.design.heading);
    return { editor: made.current, shop, codes: codes.data.discount_codes, language };
  });
}
