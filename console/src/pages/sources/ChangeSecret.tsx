import { useState } from "preact/hooks";
import type { PlatformSource } from "../../api/schema.ts";
import { Button } from "../../parts/Button.tsx";
import { Form } from "../../parts/Field.tsx";
import { ListField } from "../../parts/ListField.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { newSecret, PLATFORMS } from "../../words/platforms.ts";
import { type ChangeProps, useChange } from "./useChange.ts";

export function ChangeSecret({ source, ...after }: ChangeProps & { source: PlatformSource }) {
  const { name } = PLATFORMS[source.platform];
  const [secrets, setSecrets] = useState<string[]>([]);
  const { problem, change } = useChange(source.id, after);
  return (
    <Modal title={`Change the secret of ${name}`} onClose={after.onClose}>
      <p>
        What is signed with another secret is refused from then on. The one of now is never shown: where it goes on
        signing for a while, paste both.
      </p>
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        <ListField
          label="Secrets"
          name="secrets"
          value={secrets}
          onChange={setSecrets}
          lines={2}
          hint="One a line, five at most."
        />
      </Form.Provider>
      {source.platform === "woocommerce" && (
        <p>
          <Button kind="quiet" icon="refresh" onPress={() => setSecrets([newSecret()])}>
            Make one up
          </Button>
        </p>
      )}
      {problem && <ProblemNotice problem={problem} />}
      <div class="actions">
        <Button
          kind="main"
          off={secrets.length === 0 && "Paste the secret first."}
          onPress={() => change({ secrets }, `${name} has another secret.`)}
        >
          Change it
        </Button>
        <Button onPress={after.onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}
