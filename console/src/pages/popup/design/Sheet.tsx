import { Button } from "../../../parts/Button.tsx";
import { Modal } from "../../../parts/Modal.tsx";
import { Notice } from "../../../parts/Notice.tsx";
import { say } from "../../../status.ts";
import { fieldNames } from "../../../words/fields.ts";
import { sentences } from "../../../words/settings.ts";
import { changesExperiment, type Warning, warnings } from "../../../words/warnings.ts";
import { useWorkshop } from "./useEditor.ts";

/** Before anything goes live: who will see what, where, when and how often, in one page of sentences. */
export function Sheet({ onClose }: { onClose: () => void }) {
  const { editor, shop, codes } = useWorkshop();
  const draft = editor.draft.value;
  const isLive = editor.base.value.status === "active";
  const found = warnings(draft, shop, codes);
  const again: Warning[] = changesExperiment(editor.base.value, editor.changed.value)
    ? [{ text: "An experiment runs: this begins a new one, and viewers are counted anew.", section: "experiment" }]
    : [];
  const publish = async () => {
    const isDone = await editor.save({ status: "active" });
    onClose();
    if (isDone && !isLive) say("It is live. Shoppers see it from their next page on.");
  };
  return (
    <Modal title={isLive ? "Save to the shop?" : "Publish it?"} onClose={onClose} wide>
      <dl class="sheet">
        {sentences(draft, shop, codes).map(({ topic, text, section }) => (
          <div key={`${topic} ${text}`}>
            <dt>{topic}</dt>
            <dd>
              <span>{text}</span>
              <Button kind="quiet" label={`Change: ${topic}`} onPress={() => leaveFor(section, onClose)}>
                Change
              </Button>
            </dd>
          </div>
        ))}
      </dl>
      {isLive && <p class="hint">What changes: {fieldNames(editor.changed.value)}.</p>}
      {[...again, ...found].map(({ text, section }) => (
        <Notice key={text} kind="warning">
          <p>
            {text}{" "}
            <button type="button" class="link" onClick={() => leaveFor(section, onClose)}>
              Change it
            </button>
          </p>
        </Notice>
      ))}
      {again.length + found.length === 0 && <Notice kind="good">Nothing looks wrong.</Notice>}
      <div class="actions">
        <Button kind="main" onPress={publish}>
          {isLive ? "Save to the shop" : "Publish"}
        </Button>
        <Button onPress={onClose}>Not yet</Button>
      </div>
    </Modal>
  );
}

function leaveFor(section: string, onClose: () => void) {
  onClose();
  const part = document.getElementById(`section-${section}`);
  part?.setAttribute("open", "");
  part?.scrollIntoView({ block: "start" });
  part?.querySelector<HTMLElement>("input, select, textarea, button")?.focus();
}
