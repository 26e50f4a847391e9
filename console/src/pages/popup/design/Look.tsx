import type { Signal } from "@preact/signals";
import { LIMITS } from "../../../api/schema.ts";
import { Button } from "../../../parts/Button.tsx";
import { ColourField } from "../../../parts/ColourField.tsx";
import { ChoiceField, NumberField, TextField } from "../../../parts/fields.tsx";
import { isHex, legibility, readableOn } from "../../../words/contrast.ts";
import { ArmChoice } from "./ArmChoice.tsx";
import { Own } from "./Own.tsx";
import { useArm } from "./useArm.ts";

/** Of "https://" and what may follow it. */
const MOST_ADDRESS = 2008;

const LAYOUTS = [
  ["centered", "Centered"],
  ["left", "Image left"],
  ["right", "Image right"],
] as const;

const SIZES = [
  ["width", "Width"],
  ["border_radius", "Rounded corners"],
  ["padding", "Space around the text"],
] as const;

export function Look({ arm }: { arm: Signal<number | null> }) {
  const { value: design, field, own } = useArm(arm, "design");
  const swatches = [design.background_color, design.text_color, design.button_color, "#ffffff", "#000000"];
  const read = legibility(design.text_color, design.background_color);
  return (
    <>
      <ArmChoice arm={arm} name="arm-of-look" label="Look of" />
      <ChoiceField label="Layout" {...field("layout")} choices={LAYOUTS} hint={<Own of={own} field="layout" />} />
      <TextField
        label="Image"
        {...field("image_url")}
        value={design.image_url ?? ""}
        onChange={(text) => field("image_url").onChange(text || null)}
        maxLength={MOST_ADDRESS}
        type="url"
        placeholder="https://"
        hint={own.variant ? <Own of={own} field="image_url" /> : "An https:// address. Shoppers load it from there."}
      />
      <ColourField
        label="Background colour"
        {...field("background_color")}
        swatches={swatches}
        hint={<Own of={own} field="background_color" />}
      />
      <ColourField
        label="Text colour"
        {...field("text_color")}
        swatches={swatches}
        hint={<Own of={own} field="text_color" />}
      />
      {read && (
        <p class={read.isLegible ? "legible" : "illegible"} role="status">
          {read.text}
          {!read.isLegible && (
            <Button onPress={() => field("text_color").onChange(readableOn(design.background_color))}>
              Use {readableOn(design.background_color)}
            </Button>
          )}
        </p>
      )}
      <ColourField
        label="Button colour"
        {...field("button_color")}
        swatches={swatches}
        hint={
          isHex(design.button_color) ? `Its words are ${wordsOn(design.button_color)}, which can always be read.` : null
        }
      />
      <div class="columns">
        {SIZES.map(([key, label]) => (
          <NumberField
            key={key}
            label={label}
            {...field(key)}
            {...LIMITS.popup[`design.${key}`]}
            unit="px"
            hint={<Own of={own} field={key} />}
          />
        ))}
      </div>
    </>
  );
}

/** As the storefront script chooses them: white wherever it can be read. */
const wordsOn = (button: string) => (legibility("#ffffff", button)?.isLegible ? "white" : "black");
