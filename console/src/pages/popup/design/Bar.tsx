import { messagesElsewhere } from "../../../api/problem.ts";
import { ago } from "../../../numbers.ts";
import { Button } from "../../../parts/Button.tsx";
import { StatusBadge } from "../../../parts/StatusBadge.tsx";
import { mayWrite, READ_ONLY } from "../../../session.ts";
import { fieldName } from "../../../words/fields.ts";
import { useWorkshop } from "./useEditor.ts";

/** What can be done with the draft as it stands, and what became of it last. */
export function Bar({ onPublish }: { onPublish: () => void }) {
  const { editor } = useWorkshop();
  const { status } = editor.base.value;
  const isLive = status === "active";
  const off = !mayWrite.value && READ_ONLY;
  const clean = editor.id.value && !editor.isDirty.value && "Nothing has changed.";
  const nameless = !editor.draft.value.name.trim() && "Give it a name first.";
  return (
    <>
      {editor.id.value && <StatusBadge popup={editor.base.value} />}
      <SaveState />
      {isLive ? (
        <Button kind="main" off={off || clean || nameless} onPress={onPublish}>
          Save to the shop…
        </Button>
      ) : (
        <>
          <Button off={off || clean || nameless} onPress={() => editor.save()}>
            {status === "draft" ? "Save draft" : "Save"}
          </Button>
          <Button kind="main" off={off || nameless} onPress={onPublish}>
            Publish…
          </Button>
        </>
      )}
      <Trouble />
    </>
  );
}

function SaveState() {
  const { editor } = useWorkshop();
  if (editor.isSaving.value) return <span class="hint">Saving…</span>;
  if (editor.isDirty.value) return <span class="hint">Not saved</span>;
  const at = editor.savedAt.value;
  return at ? <span class="hint">Saved {ago(new Date(at).toISOString())}</span> : null;
}

/** What was refused: each message leads to its field; what has no field is told here. */
function Trouble() {
  const { editor } = useWorkshop();
  const errors = editor.errors.value;
  if (!editor.trouble.value) return null;
  const names = [...document.querySelectorAll<HTMLInputElement>(".sections [name]")].map(({ name }) => name);
  const fields = Object.keys(errors).filter((path) => names.some((name) => holds(name, path)));
  return (
    <div class="notice problem trouble" role="alert">
      <p>{editor.trouble.value}</p>
      <ul>
        {fields.map((path) => (
          <li key={path}>
            <button type="button" class="link" onClick={() => reveal(path)}>
              {fieldName(path)}
            </button>
            : {errors[path]?.join(" ")}
          </li>
        ))}
        {messagesElsewhere(errors, fields).map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}

/** Whether the field of that name is where the path is edited, by itself or as a part. */
const holds = (name: string, path: string) => path === name || path.startsWith(`${name}.`);

/** Opens the section of a field, and goes there. */
function reveal(path: string) {
  const all = [...document.querySelectorAll<HTMLElement & { name: string }>(".sections [name]")];
  const field = all.find(({ name }) => holds(name, path));
  field?.closest("details")?.setAttribute("open", "");
  field?.focus();
}
