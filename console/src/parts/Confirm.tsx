import { useState } from "preact/hooks";
import { Button } from "./Button.tsx";
import { TextField } from "./fields.tsx";
import { Modal } from "./Modal.tsx";

interface Props {
  title: string;
  /** What will be gone. */
  children: preact.ComponentChildren;
  /** What has to be typed. */
  word: string;
  verb: string;
  onConfirm: () => unknown;
  onClose: () => void;
}

/** For what cannot be undone: its name has to be typed. */
export function Confirm({ title, children, word, verb, onConfirm, onClose }: Props) {
  const [typed, setTyped] = useState("");
  const isSame = typed.trim() === word.trim();
  return (
    <Modal title={title} onClose={onClose}>
      {children}
      <TextField
        label={
          <>
            Type <strong>{word}</strong> to confirm
          </>
        }
        name="confirm"
        value={typed}
        onChange={setTyped}
        autocomplete="off"
        spellcheck={false}
      />
      <div class="actions">
        <Button kind="danger" off={!isSame && `Type “${word}” first.`} onPress={onConfirm}>
          {verb}
        </Button>
        <Button onPress={onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}
