import { Button } from "../../../parts/Button.tsx";
import { Notice } from "../../../parts/Notice.tsx";
import { useWorkshop } from "./useEditor.ts";

/** Unsaved work of an earlier visit: kept, and not put over what is stored unasked. */
export function FoundWork() {
  const { editor } = useWorkshop();
  if (!editor.found.value) return null;
  return (
    <Notice>
      <p>There is work on this popup that was not saved.</p>
      <div class="actions">
        <Button kind="main" onPress={() => editor.restore()}>
          Bring it back
        </Button>
        <Button onPress={() => editor.discard()}>Throw it away</Button>
      </div>
    </Notice>
  );
}
