import { useState } from "preact/hooks";
import { addPoolCodes } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import type { DiscountCode, PoolCodes } from "../../api/schema.ts";
import { count, counted } from "../../numbers.ts";
import { Button } from "../../parts/Button.tsx";
import { TextField } from "../../parts/fields.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { say } from "../../status.ts";

const MOST = 10_000;

/** Codes pasted or from a file, one a line. What is refused is told by its line. */
export function AddCodes({ pool, onClose, onAdded }: { pool: DiscountCode; onClose: () => void; onAdded: () => void }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [done, setDone] = useState<PoolCodes | null>(null);
  const [idempotencyKey, setKey] = useState(() => crypto.randomUUID());
  const codes = text.split(/[\s,;]+/).filter(Boolean);
  const type = (typed: string) => {
    setText(typed);
    setKey(crypto.randomUUID());
  };
  const read = async (event: Event) => {
    const [file] = (event.currentTarget as HTMLInputElement).files ?? [];
    if (file) type(await file.text());
  };
  const add = async () => {
    try {
      const { data } = await addPoolCodes(pool.id, codes, idempotencyKey);
      onAdded();
      if (data.duplicates.length > 0) return setDone(data);
      onClose();
      say(`${counted(data.added, "code")} added.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  if (done) return <Done {...done} onClose={onClose} />;
  const tooMany = codes.length > MOST && `At most ${count(MOST)} at once.`;
  return (
    <Modal title="Add codes to the pool" onClose={onClose}>
      <TextField
        label="Codes"
        name="codes"
        value={text}
        onChange={type}
        lines={8}
        hint="One a line."
        spellcheck={false}
      />
      <div class="field">
        <label for="codes-file">Or from a file</label>
        <input id="codes-file" type="file" accept=".txt,.csv,text/plain,text/csv" onChange={read} />
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {problem && (
        <ul class="stack" aria-label="What was refused">
          {Object.entries(problem.errors)
            .slice(0, 50)
            .map(([path, messages]) => (
              <li key={path}>
                {lineOf(path, codes)}: {messages.join(" ")}
              </li>
            ))}
        </ul>
      )}
      <div class="actions">
        <Button kind="main" off={codes.length === 0 ? "Paste codes first." : tooMany} onPress={add}>
          Add {count(codes.length)}
        </Button>
        <Button onPress={onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}

/** Which of the lines were no new codes. */
function Done({ added, duplicates, onClose }: PoolCodes & { onClose: () => void }) {
  return (
    <Modal title={`${counted(added, "code")} added`} onClose={onClose}>
      <p>These were there already, or twice in the list:</p>
      <ul aria-label="Not added">
        {duplicates.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
    </Modal>
  );
}

/** "codes.3" as the fourth code. */
function lineOf(path: string, codes: string[]): string {
  const index = Number(path.split(".")[1]);
  return Number.isInteger(index) ? `Line ${index + 1}, ${codes[index]}` : path;
}
