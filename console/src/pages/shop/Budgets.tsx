import { type BudgetMet, LIMITS, type Shop } from "../../api/schema.ts";
import { ago, count } from "../../numbers.ts";
import { NumberField } from "../../parts/fields.tsx";
import { Notice } from "../../parts/Notice.tsx";

const BUDGETS = [
  ["codes_per_hour", "Single-use codes given, at most", "an hour"],
  ["codes_per_network_per_hour", "Of these to one network", "an hour"],
  ["code_uses_per_network_per_hour", "Uses of a limited code by a network", "an hour"],
] as const;

export type FieldOf = <T>(name: keyof Shop) => { name: string; value: T; onChange: (value: unknown) => void };

/** Nobody can drain the shop's codes with a program: how many are given and used in an hour. */
export function Budgets({ field, met }: { field: FieldOf; met: BudgetMet[] }) {
  return (
    <details open={met.length > 0}>
      <summary>Against the misuse of codes</summary>
      <div class="stack">
        <p class="hint">0 switches a limit off. Whoever is beyond it gets the popup’s thanks without a code.</p>
        <div class="columns">
          {BUDGETS.map(([name, label, unit]) => (
            <NumberField key={name} label={label} {...field<number>(name)} {...LIMITS.shop[name]} unit={unit} />
          ))}
        </div>
        {met.map(({ budget, refused, last_met_at }) => (
          <Notice key={budget} kind="warning">
            “{BUDGETS.find(([name]) => name === budget)?.[1] ?? budget}” was met {ago(last_met_at)}; {count(refused)}{" "}
            were refused so far.
          </Notice>
        ))}
      </div>
    </details>
  );
}
