import type { Signal } from "@preact/signals";
import { Section } from "../../../parts/Section.tsx";
import * as words from "../../../words/settings.ts";
import { Audience } from "./Audience.tsx";
import { Content } from "./Content.tsx";
import { Experiment } from "./Experiment.tsx";
import { Frequency } from "./Frequency.tsx";
import { Look } from "./Look.tsx";
import { Naming } from "./Naming.tsx";
import { OfferSection } from "./OfferSection.tsx";
import { Schedule } from "./Schedule.tsx";
import { TriggerSection } from "./TriggerSection.tsx";
import { useWorkshop } from "./useEditor.ts";

const LAYOUTS: Record<string, string> = {
  centered: "Centered",
  left: "Image at the left",
  right: "Image at the right",
};

/** The whole form, in the order in which one thinks of a popup. `arm` is the variant whose look is edited. */
export function Sections({ arm }: { arm: Signal<number | null> }) {
  const { editor, shop, codes } = useWorkshop();
  const draft = editor.draft.value;
  const { targeting, design } = draft;
  const inCart = words.cart(targeting, shop.currency);
  return (
    <form class="sections" onSubmit={(event) => event.preventDefault()}>
      <Naming />
      <Section id="content" title="Words" says={design.heading || "Nothing written yet"} open>
        <Content arm={arm} />
      </Section>
      <Section id="look" title="Look" says={LAYOUTS[design.layout] ?? design.layout}>
        <Look arm={arm} />
      </Section>
      <Section id="offer" title="Offer" says={words.offers(draft, codes, shop.currency)}>
        <OfferSection arm={arm} />
      </Section>
      <Section id="trigger" title="When it shows" says={words.when(draft)}>
        <TriggerSection />
      </Section>
      <Section
        id="audience"
        title="Who sees it, and where"
        says={`${words.who(targeting)}${inCart && ` ${inCart}`}. ${words.where(targeting)}.`}
      >
        <Audience />
      </Section>
      <Section id="frequency" title="How often" says={words.howOften(draft)}>
        <Frequency />
      </Section>
      <Section id="schedule" title="How long" says={words.schedule(draft, shop.time_zone)}>
        <Schedule />
      </Section>
      <Section id="experiment" title="Experiment" says={words.experiment(draft)}>
        <Experiment arm={arm} />
      </Section>
    </form>
  );
}
