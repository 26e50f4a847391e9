import { useState } from "preact/hooks";
import type { DiscountCode } from "../../../api/schema.ts";
import { Button } from "../../../parts/Button.tsx";
import { mayWrite, READ_ONLY } from "../../../session.ts";
import { MakeCode } from "../../codes/MakeCode.tsx";
import { useWorkshop } from "./useEditor.ts";

/** A code that is made without leaving the popup. */
export function NewCode({ onMade }: { onMade: (id: string) => void }) {
  const { addCode } = useWorkshop();
  const [isMaking, setMaking] = useState(false);
  const take = (code: DiscountCode) => {
    addCode(code);
    onMade(code.id);
  };
  return (
    <div class="actions">
      <Button icon="plus" off={!mayWrite.value && READ_ONLY} onPress={() => setMaking(true)}>
        New code
      </Button>
      {isMaking && <MakeCode onClose={() => setMaking(false)} onMade={take} />}
    </div>
  );
}
