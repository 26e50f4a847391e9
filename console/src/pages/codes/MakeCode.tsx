import { useState } from "preact/hooks";
import { makeDiscountCode } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import type { DiscountCode } from "../../api/schema.ts";
import { Button } from "../../parts/Button.tsx";
import { Form } from "../../parts/Field.tsx";
import { ChoiceField, NumberField, TextField } from "../../parts/fields.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { TimeField } from "../../parts/TimeField.tsx";
import { shop, zone } from "../../shop.ts";
import { say } from "../../status.ts";

const TYPES = [
  ["percentage", "Percent"],
  ["fixed", "An amount"],
] as const;

const KINDS = [
  ["one", "One for everybody"],
  ["pool", "Each their own"],
] as const;

const START = { kind: "one", code: "", type: "percentage", value: "10", minimum_purchase: "" };

export function MakeCode({ onClose, onMade }: { onClose: () => void; onMade: (code: DiscountCode) => void }) {
  const [draft, setDraft] = useState(START);
  const [expires, setExpires] = useState<string | null>(null);
  const [limit, setLimit] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const field = (name: keyof typeof START) => ({
    name,
    value: draft[name],
    onChange: (value: string) => setDraft((before) => ({ ...before, [name]: value })),
  });
  const isPool = draft.kind === "pool";
  const make = async () => {
    const code = {
      type: draft.type,
      value: draft.value.trim(),
      single_use: isPool,
      ...(!isPool && draft.code.trim() && { code: draft.code.trim() }),
      ...(draft.minimum_purchase.trim() && { minimum_purchase: draft.minimum_purchase.trim() }),
      ...(expires && { expires_at: expires }),
      ...(!isPool && limit && { usage_limit: limit }),
    };
    try {
      const { data } = await makeDiscountCode(code, idempotencyKey);
      onClose();
      onMade(data);
      say(isPool ? "The pool is made. Add its codes under Discount codes." : "The code is made.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  const currency = shop.value?.currency ?? "";
  return (
    <Modal title="New discount code" onClose={onClose}>
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        <ChoiceField
          label="Who gets it"
          {...field("kind")}
          choices={KINDS}
          hint={isPool ? "Each shopper gets another code; it works once." : undefined}
        />
        {!isPool && <TextField label="Code" {...field("code")} maxLength={50} hint="Left empty one is made up." />}
        <ChoiceField label="What it takes off" {...field("type")} choices={TYPES} />
        <div class="columns">
          <TextField label={draft.type === "percentage" ? "Percent" : `Amount (${currency})`} {...field("value")} />
          <TextField label={`From an order of (${currency})`} {...field("minimum_purchase")} placeholder="any" />
        </div>
        <TimeField
          label="Until"
          name="expires_at"
          value={expires}
          onChange={setExpires}
          timeZone={zone.value}
          empty="Without an end"
        />
        {!isPool && (
          <NumberField
            label="At most"
            name="usage_limit"
            value={limit}
            onChange={setLimit}
            min={1}
            unit="uses"
            placeholder="any"
          />
        )}
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
