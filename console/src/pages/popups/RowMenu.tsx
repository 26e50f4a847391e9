import { useRef, useState } from "preact/hooks";
import { deletePopup, duplicatePopup } from "../../api/calls.ts";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Icon } from "../../parts/Icon.tsx";
import { go } from "../../router.ts";
import { mayWrite, READ_ONLY } from "../../session.ts";
import { say } from "../../status.ts";
import type { Listed } from "../Popups.tsx";
import { switchStatus } from "./StatusSwitch.tsx";

export function RowMenu({ popup, onChanged }: { popup: Listed; onChanged: () => void }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const [isDeleting, setDeleting] = useState(false);
  const off = !mayWrite.value && READ_ONLY;
  const isArchived = popup.status === "archived";
  const close = () => menu.current?.removeAttribute("open");
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    close();
    menu.current?.querySelector("summary")?.focus();
  };
  const onLeave = ({ relatedTarget }: FocusEvent) => menu.current?.contains(relatedTarget as Node) || close();
  const duplicate = async () => {
    const { data } = await duplicatePopup(popup.id, crypto.randomUUID());
    go({ page: "popup", id: data.id, tab: "design" });
  };
  const remove = async () => {
    await deletePopup(popup.id);
    setDeleting(false);
    onChanged();
    say(`“${popup.name}” is deleted.`);
  };
  return (
    <>
      <details class="menu-list" ref={menu} onKeyDown={onKey} onFocusOut={onLeave}>
        <summary class="button quiet" aria-label={`More about ${popup.name}`}>
          <Icon name="more" />
        </summary>
        <div>
          <Button kind="quiet" icon="copy" off={off} onPress={duplicate}>
            Duplicate
          </Button>
          {isArchived ? (
            <Button kind="quiet" icon="up" off={off} onPress={() => switchStatus(popup, "paused", onChanged)}>
              Take out of the archive
            </Button>
          ) : (
            <Button kind="quiet" icon="down" off={off} onPress={() => switchStatus(popup, "archived", onChanged)}>
              Archive
            </Button>
          )}
          <Button
            kind="quiet"
            icon="trash"
            off={off || (!isArchived && "Archive it first.")}
            onPress={() => setDeleting(true)}
          >
            Delete…
          </Button>
        </div>
      </details>
      {isDeleting && (
        <Confirm
          title={`Delete “${popup.name}”?`}
          word={popup.name}
          verb="Delete the popup"
          onConfirm={remove}
          onClose={() => setDeleting(false)}
        >
          <p>
            It disappears for everyone at once. Its results follow in 30 days; until then it can be brought back as a
            draft.
          </p>
        </Confirm>
      )}
    </>
  );
}
