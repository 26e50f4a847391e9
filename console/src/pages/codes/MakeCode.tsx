import { useState } from "preact/hooks";
import { makeDiscountCode } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import type { DiscountCode } from "../../api/schema.ts";
import { Button } from "../../parts/Button.tsx";
import { Form } from "../../parts/Field.tsx";
import { ChoiceField } from "../../parts/fields.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { say } from "../../status.ts";
import { CodeFields } from "./CodeFields.tsx";
import { type CodeDraft, NEW, sent } from "./draft.ts";

const KINDS = [
  ["one", "One for everybody"],
  ["pool", "Each their own"],
] as const;

export function MakeCode({ onClose, onMade }: { onClose: () => void; onMade: (code: DiscountCode) => void }) {
  const [draft, setDraft] = useState(NEW);
  const [problem, setProblem] = useState<Problem | null>(null);
  // One for what is typed as it is: another code is another thing to make.
  const [idempotencyKey, setKey] = useState(() => crypto.randomUUID());
  const isPool = draft.single_use;
  const change = (changed: CodeDraft) => {
    setDraft(changed);
    setKey(crypto.randomUUID());
  };
  const make = async () => {
    try {
      const { data } = await makeDiscountCode(sent(draft), idempotencyKey);
      onClose();
      onMade(data);
      say(isPool ? "The pool is made. Add its codes under Discount codes." : "The code is made.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return (
    <Modal title="New discount code" onClose={onClose}>
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        <ChoiceField
          label="Who gets it"
          name="single_use"
          value={isPool ? "pool" : "one"}
          onChange={(kind) => change({ ...draft, single_use: kind === "pool" })}
          choices={KINDS}
          hint={isPool ? "Each shopper gets another code; it works once." : undefined}
        />
        <CodeFields draft={draft} onChange={change} />
      </Form.Provider>
      {problem && <ProblemNotice problem={problem} />}
      <p class="hint">The shop’s own system must know the code, too: it takes the amount off.</p>
      <div class="actions">
        <Button kind="main" onPress={make}>
          Make it
        </Button>
        <Button onPress={onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}
