import { useState } from "preact/hooks";
import { connectSource } from "../../api/calls.ts";
import { Problem } from "../../api/problem.ts";
import type { PlatformSource } from "../../api/schema.ts";
import { Button } from "../../parts/Button.tsx";
import { Copy } from "../../parts/Copy.tsx";
import { Form } from "../../parts/Field.tsx";
import { CheckField, TextField } from "../../parts/fields.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { say } from "../../status.ts";
import { newSecret, PLATFORMS, type Platform } from "../../words/platforms.ts";

interface Props {
  platform: Platform;
  onClose: () => void;
  onConnected: (source: PlatformSource) => void;
}

/** The first step: the secret that both sides know. The others follow on the page, where they stay. */
export function Connect({ platform, onClose, onConnected }: Props) {
  const { name, place, secret: about } = PLATFORMS[platform];
  const isMadeUp = platform === "woocommerce";
  const [secret, setSecret] = useState(() => (isMadeUp ? newSecret() : ""));
  const [isStored, setStored] = useState(!isMadeUp);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [idempotencyKey, setKey] = useState(() => crypto.randomUUID());
  const connect = async () => {
    try {
      const { data } = await connectSource({ platform, secrets: [secret.trim()] }, idempotencyKey);
      onClose();
      onConnected(data);
      say(`${name} is connected. Now let it send its orders: the steps are on this page.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  const type = (text: string) => {
    setSecret(text);
    setKey(crypto.randomUUID());
  };
  const off = !secret.trim() ? "Paste the secret first." : !isStored && "Copy the secret first.";
  return (
    <Modal title={`Connect ${name}`} onClose={onClose}>
      <p>
        {name} signs what it sends with a secret, so that nobody else can report orders. In its admin:{" "}
        <strong>{place}</strong>.
      </p>
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        {isMadeUp ? (
          <div class="field">
            <Copy text={secret} label="The secret" />
            <p class="hint">{about}</p>
            <CheckField label="I have copied it" name="stored" value={isStored} onChange={setStored} />
          </div>
        ) : (
          <TextField
            label="Secret"
            name="secrets"
            value={secret}
            onChange={type}
            hint={about}
            autocomplete="off"
            spellcheck={false}
          />
        )}
      </Form.Provider>
      {problem && <ProblemNotice problem={problem} />}
      <div class="actions">
        <Button kind="main" off={off} onPress={connect}>
          Connect
        </Button>
        <Button onPress={onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}
