import { LIMITS, type Targeting } from "../../../api/schema.ts";
import { CheckField, ChoiceField, NumberField, TextField } from "../../../parts/fields.tsx";
import { ListField } from "../../../parts/ListField.tsx";
import { PagesTester } from "./PagesTester.tsx";
import { useField, useWorkshop } from "./useEditor.ts";

type DeviceType = Targeting["device_types"][number];

const VISITORS = [
  ["all", "Everyone"],
  ["new", "New visitors"],
  ["returning", "Returning visitors"],
] as const;

const DEVICES: [DeviceType, string][] = [
  ["desktop", "Computers"],
  ["mobile", "Phones"],
  ["tablet", "Tablets"],
];

const UTM = ["source", "medium", "campaign", "term", "content"];

export function Audience() {
  return (
    <>
      <ChoiceField label="Visitors" {...useField<Targeting["visitors"]>("targeting.visitors")} choices={VISITORS} />
      <Devices />
      <ListField
        label="Only on these pages"
        {...useField<string[]>("targeting.include_pages")}
        placeholder="/products/*"
        hint="One pattern a line; * stands for anything. Empty: every page."
      />
      <ListField
        label="Never on these pages"
        {...useField<string[]>("targeting.exclude_pages")}
        placeholder="/account*"
        hint="The shop’s own list (checkouts) holds besides."
      />
      <PagesTester />
      <Cart />
      <details>
        <summary>Where they come from</summary>
        <div class="stack">
          <ListField
            label="Only from these sites"
            {...useField<string[]>("targeting.referrers")}
            placeholder="news.example"
            hint="One a line. Empty: from anywhere, also typed into the address bar."
          />
          <Utm />
        </div>
      </details>
    </>
  );
}

function Devices() {
  const { value, onChange, name } = useField<DeviceType[]>("targeting.device_types");
  const toggle = (type: DeviceType, isOn: boolean) =>
    onChange(DEVICES.map(([each]) => each).filter((each) => (each === type ? isOn : value.includes(each))));
  return (
    <fieldset class="choices">
      <legend>Devices</legend>
      <div class="row">
        {DEVICES.map(([type, text]) => (
          <CheckField
            key={type}
            label={text}
            name={name}
            value={value.includes(type)}
            onChange={(isOn) => toggle(type, isOn)}
          />
        ))}
      </div>
      {value.length === 0 && <p class="problem">Choose one at least.</p>}
    </fieldset>
  );
}

function Cart() {
  const { shop } = useWorkshop();
  const least = useField<string | undefined>("targeting.min_cart_value");
  const most = useField<string | undefined>("targeting.max_cart_value");
  const items = useField<number | undefined>("targeting.min_cart_items");
  const amount = ({ value, onChange, name }: typeof least, label: string) => (
    <TextField
      label={`${label} (${shop.currency})`}
      name={name}
      value={value ?? ""}
      onChange={(text) => onChange(text.trim() || undefined)}
      placeholder="any"
    />
  );
  return (
    <fieldset class="choices">
      <legend>Cart</legend>
      <div class="columns">
        {amount(least, "Worth at least")}
        {amount(most, "Worth at most")}
        <NumberField
          label="Items at least"
          {...items}
          value={items.value ?? null}
          onChange={(number) => items.onChange(number ?? undefined)}
          {...LIMITS.popup["targeting.min_cart_items"]}
          placeholder="any"
        />
      </div>
      <p class="hint">The shop’s pages tell the script of the cart; a cart that nobody told of is an empty one.</p>
    </fieldset>
  );
}

function Utm() {
  const { value, onChange } = useField<Record<string, string>>("targeting.utm");
  const change = (name: string, text: string) => {
    const { [name]: _, ...others } = value;
    onChange(text ? { ...others, [name]: text } : others);
  };
  return (
    <fieldset class="choices">
      <legend>Only by links with these utm parameters</legend>
      <div class="columns">
        {UTM.map((name) => (
          <TextField
            key={name}
            label={`utm_${name}`}
            name={`targeting.utm.${name}`}
            value={value[name] ?? ""}
            onChange={(text) => change(name, text)}
            maxLength={200}
            placeholder="any"
          />
        ))}
      </div>
    </fieldset>
  );
}
