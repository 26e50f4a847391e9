import { useSignal } from "@preact/signals";
import type { PopupDraft } from "../../../api/schema.ts";
import type { Conflict } from "../../../draft/editor.ts";
import type { Difference } from "../../../draft/patch.ts";
import { put } from "../../../draft/paths.ts";
import { Button } from "../../../parts/Button.tsx";
import { Modal } from "../../../parts/Modal.tsx";
import { fieldName, fieldNames, valueWords } from "../../../words/fields.ts";
import { useWorkshop } from "./useEditor.ts";

/** Somebody else has saved meanwhile. Nothing is lost: what both have changed is chosen by field. */
export function ConflictDialog({ conflict }: { conflict: Conflict }) {
  const { editor } = useWorkshop();
  const chosen = useSignal<Record<string, "mine" | "theirs">>({});
  const open = conflict.conflicts.filter(({ path }) => !chosen.value[path]).length;
  const settle = () => {
    let draft: PopupDraft = conflict.merged;
    for (const { path, mine } of conflict.conflicts) {
      if (chosen.value[path] === "mine") draft = put(draft, path, mine);
    }
    editor.settle(draft);
  };
  return (
    <Modal title="Somebody else has changed this popup" wide>
      <p>
        While you were at work it became version {conflict.version}. Your work is still here, and nothing is
        overwritten.
      </p>
      {conflict.theirs.length > 0 && (
        <p>Changed by them, and kept: {fieldNames(conflict.theirs.map(({ path }) => path))}.</p>
      )}
      {conflict.conflicts.map((each) => (
        <Choice
          key={each.path}
          difference={each}
          chosen={chosen.value[each.path]}
          onChoose={(side) => {
            chosen.value = { ...chosen.value, [each.path]: side };
          }}
        />
      ))}
      <div class="actions">
        <Button
          kind="main"
          off={open > 0 && `Choose for ${open === 1 ? "the field" : `${open} fields`} first.`}
          onPress={settle}
        >
          {conflict.conflicts.length > 0 ? "Go on with these" : "Put mine on top of theirs"}
        </Button>
        <Button onPress={() => editor.settle(conflict.stored)}>Take all of theirs</Button>
      </div>
    </Modal>
  );
}

interface Props {
  difference: Difference;
  chosen: "mine" | "theirs" | undefined;
  onChoose: (side: "mine" | "theirs") => void;
}

function Choice({ difference, chosen, onChoose }: Props) {
  const { path, theirs, mine } = difference;
  return (
    <fieldset class="conflict">
      <legend>{fieldName(path)}</legend>
      {(
        [
          ["mine", "Yours", mine],
          ["theirs", "Theirs", theirs],
        ] as const
      ).map(([side, label, value]) => (
        <label key={side} class="check">
          <input type="radio" name={`choose-${path}`} checked={chosen === side} onChange={() => onChoose(side)} />
          <span>
            <b>{label}:</b> {valueWords(value)}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
