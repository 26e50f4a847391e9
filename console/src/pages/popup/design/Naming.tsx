import { LIMITS } from "../../../api/schema.ts";
import { TextField } from "../../../parts/fields.tsx";
import { useField } from "./useEditor.ts";

export function Naming() {
  return (
    <div class="stack card">
      <TextField
        label="Name"
        {...useField<string>("name")}
        {...LIMITS.popup.name}
        required
        hint="For you: shoppers never see it."
      />
      <details>
        <summary>Notes</summary>
        <TextField label="Description" {...useField<string>("description")} {...LIMITS.popup.description} lines={3} />
      </details>
    </div>
  );
}
