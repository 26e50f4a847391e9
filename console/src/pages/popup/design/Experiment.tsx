import type { Signal } from "@preact/signals";
import { LIMITS, type Variant } from "../../../api/schema.ts";
import { Button } from "../../../parts/Button.tsx";
import { NumberField, TextField } from "../../../parts/fields.tsx";
import { Notice } from "../../../parts/Notice.tsx";
import { mayWrite, READ_ONLY } from "../../../session.ts";
import { changesExperiment } from "../../../words/warnings.ts";
import { useField, useWorkshop } from "./useEditor.ts";

const MOST_VARIANTS = 10;
const LETTERS = "abcdefghij";

const variantOf = (id: string, name: string): Variant => ({ id, name, weight: 50, design: {}, offer: {} });

/** Variants, and the holdout. */
export function Experiment({ arm }: { arm: Signal<number | null> }) {
  const { editor } = useWorkshop();
  const { variants } = editor.draft.value;
  const planned = useField<number | null | undefined>("experiment.planned_viewers");
  const off = (!mayWrite.value && READ_ONLY) || (variants.length >= MOST_VARIANTS && "Ten variants at most.");
  const add = () => {
    const free = [...LETTERS].filter((letter) => !variants.some(({ id }) => id === letter));
    const first = variants.length === 0 ? [variantOf(free.shift() ?? "a", "As it is")] : [];
    const id = free.shift() ?? "j";
    editor.set("variants", [...variants, ...first, variantOf(id, `Variant ${id.toUpperCase()}`)]);
    arm.value = variants.length + first.length;
  };
  return (
    <>
      {changesExperiment(editor.base.value, editor.changed.value) && (
        <Notice kind="warning">An experiment runs. What you changed begins a new one: viewers are counted anew.</Notice>
      )}
      {variants.map((variant, index) => (
        <Arm key={variant.id} variant={variant} index={index} arm={arm} />
      ))}
      <Button icon="plus" off={off} onPress={add}>
        {variants.length === 0 ? "Compare with another version" : "Add a variant"}
      </Button>
      <NumberField
        label="Show nothing to"
        {...useField<number>("holdout_percent")}
        {...LIMITS.popup.holdout_percent}
        unit="% of the shoppers"
        hint="To learn what the popup brings at all: they are compared with those who see it."
      />
      {variants.length > 1 && (
        <NumberField
          label="Planned viewers"
          {...planned}
          value={planned.value ?? null}
          {...LIMITS.popup["experiment.planned_viewers"]}
          placeholder="50000"
          hint="Of the two that are compared, together. Fixed once the experiment begins."
        />
      )}
    </>
  );
}

const fieldWords = (name: string) => name.replace(/_id$/, "").replaceAll("_", " ");

function Arm({ variant, index, arm }: { variant: Variant; index: number; arm: Signal<number | null> }) {
  const { editor } = useWorkshop();
  const { variants } = editor.draft.value;
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  const called = variant.name || variant.id;
  const own = [...Object.keys(variant.design), ...Object.keys(variant.offer)].map(fieldWords);
  const remove = () => {
    arm.value = null;
    editor.set(
      "variants",
      variants.filter((_, at) => at !== index),
    );
  };
  const edit = (section: string, first: string) => {
    arm.value = index;
    const part = document.getElementById(`section-${section}`);
    part?.setAttribute("open", "");
    part?.querySelector<HTMLElement>(first)?.focus();
  };
  return (
    <div class="arm">
      <div class="columns">
        <TextField label="Name" {...useField<string>(`variants.${index}.name`)} maxLength={200} />
        <NumberField
          label="Weight"
          {...useField<number>(`variants.${index}.weight`)}
          min={0}
          max={1000}
          unit={total > 0 ? `${Math.round((variant.weight / total) * 100)} %` : ""}
        />
      </div>
      <p class="hint">{own.length > 0 ? `Differs in ${own.join(", ")}.` : "The same as the popup."}</p>
      <div class="actions">
        <Button label={`Edit the words and look of ${called}`} onPress={() => edit("content", "input[type=text]")}>
          Words and look
        </Button>
        <Button label={`Edit the offer of ${called}`} onPress={() => edit("offer", "select")}>
          Offer
        </Button>
        <Button
          kind="quiet"
          icon="trash"
          off={!mayWrite.value && READ_ONLY}
          label={`Remove ${called}`}
          onPress={remove}
        >
          Remove
        </Button>
      </div>
    </div>
  );
}
