import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { address, hash } from "../../../addresses.ts";
import type { DiscountCode } from "../../../api/schema.ts";
import { AUTOSAVE_AFTER_MS, type Editor } from "../../../draft/editor.ts";
import { useGuard } from "../../../guard.ts";
import { Form } from "../../../parts/Field.tsx";
import { Page } from "../../../parts/Page.tsx";
import { here } from "../../../router.ts";
import { mayWrite, READ_ONLY } from "../../../session.ts";
import { say } from "../../../status.ts";
import { PopupHead } from "../PopupHead.tsx";
import { Bar } from "./Bar.tsx";
import { ConflictDialog } from "./ConflictDialog.tsx";
import { FoundWork } from "./FoundWork.tsx";
import { Preview } from "./Preview.tsx";
import { Sections } from "./Sections.tsx";
import { Sheet } from "./Sheet.tsx";
import { type Ground, type Workshop, WorkshopContext } from "./useEditor.ts";

export function Builder(given: Ground) {
  const { editor } = given;
  const [codes, setCodes] = useState(given.codes);
  const workshop: Workshop = {
    ...given,
    codes,
    addCode: (code: DiscountCode) => setCodes((known) => [code, ...known]),
  };
  const isSheetOpen = useSignal(false);
  const arm = useSignal<number | null>(null);
  const off = mayWrite.value ? undefined : READ_ONLY;
  useGuard(editor.changed.value);
  useAutosave(editor);
  const ask = () => {
    isSheetOpen.value = true;
  };
  useKeys(editor, () => (editor.base.value.status === "active" ? ask() : editor.save()));
  useSection();
  useAddress(editor);
  const { name } = editor.draft.value;
  const title = name || (editor.id.value ? "Popup without a name" : "New popup");
  return (
    <WorkshopContext.Provider value={workshop}>
      <Form.Provider value={{ errors: editor.errors.value, off }}>
        <Page
          title={title}
          before={editor.id.value ? <PopupHead id={editor.id.value} tab="design" name={name} /> : null}
          actions={<Bar onPublish={ask} />}
        >
          <FoundWork />
          <div class="builder">
            <Sections arm={arm} />
            <Preview arm={arm} />
          </div>
        </Page>
        {isSheetOpen.value && <Sheet onClose={() => (isSheetOpen.value = false)} />}
        {editor.conflict.value && <ConflictDialog conflict={editor.conflict.value} />}
      </Form.Provider>
    </WorkshopContext.Provider>
  );
}

/** Drafts that are stored are saved by themselves; what shoppers see never is. */
function useAutosave(editor: Editor) {
  const draft = editor.draft.value;
  const isWanted = !!editor.id.value && editor.base.value.status === "draft" && mayWrite.value && editor.isDirty.value;
  useEffect(() => {
    if (!isWanted || draft.status !== "draft" || editor.found.value) return;
    const timer = setTimeout(() => editor.save({ isQuiet: true }), AUTOSAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [draft, isWanted, editor]);
}

const isText = (target: EventTarget | null) =>
  target instanceof HTMLTextAreaElement ||
  (target instanceof HTMLInputElement && !/checkbox|radio|color|range/.test(target.type));

/** Ctrl-S saves; Ctrl-Z takes the last change back where no text field has its own. */
function useKeys(editor: Editor, save: () => unknown) {
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      if (event.key === "s") {
        event.preventDefault();
        if (mayWrite.value) save();
        else say(READ_ONLY);
      }
      if (event.key === "z" && !event.shiftKey && !isText(event.target)) {
        event.preventDefault();
        editor.undo();
      }
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  });
}

/** Another page may lead to one of its sections. */
function useSection() {
  const { section } = here.value.query;
  useEffect(() => {
    const part = section && document.getElementById(`section-${section}`);
    if (!part) return;
    part.setAttribute("open", "");
    part.scrollIntoView({ block: "start" });
  }, [section]);
}

/**
 * Once it is stored it has an address of its own, which is told without leaving what is on screen. Only the address of a
 * new popup is replaced: whoever has gone back meanwhile is elsewhere, and shall not be brought here again.
 */
function useAddress(editor: Editor) {
  const id = editor.id.value;
  useEffect(() => {
    if (id && address(location.hash).page === "new")
      history.replaceState(null, "", hash({ page: "popup", id, tab: "design" }));
  }, [id]);
}
