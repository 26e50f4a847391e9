import { useState } from "preact/hooks";
import { changeDiscountCode } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import type { Answer } from "../../api/request.ts";
import type { DiscountCode } from "../../api/schema.ts";
import { Button } from "../../parts/Button.tsx";
import { Form } from "../../parts/Field.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { say } from "../../status.ts";
import { CodeFields } from "./CodeFields.tsx";
import { changes, draftOf } from "./draft.ts";

interface Props {
  stored: Answer<DiscountCode>;
  onClose: () => void;
  onChanged: () => void;
}

/** Changes a code that is in use, such as how long it holds. What somebody else changed meanwhile is not overwritten. */
export function ChangeCode({ stored: { data: code, etag }, onClose, onChanged }: Props) {
  const before = draftOf(code);
  const [draft, setDraft] = useState(before);
  const [problem, setProblem] = useState<Problem | null>(null);
  const patch = changes(before, draft);
  const name = code.code ?? "the pool";
  const save = async () => {
    try {
      await changeDiscountCode(code.id, patch, etag);
      onClose();
      onChanged();
      say("Saved.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return (
    <Modal title={`Change ${name}`} onClose={onClose}>
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        <CodeFields draft={draft} onChange={setDraft} isStored />
      </Form.Provider>
      {problem && <ProblemNotice problem={problem} />}
      <p class="hint">Change it in the shop’s own system, too.</p>
      <div class="actions">
        <Button kind="main" off={Object.keys(patch).length === 0 && "Nothing has changed."} onPress={save}>
          Save
        </Button>
        <Button onPress={onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}
