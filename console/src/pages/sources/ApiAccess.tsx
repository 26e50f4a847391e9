import { useState } from "preact/hooks";
import type { PlatformSource } from "../../api/schema.ts";
import { Button } from "../../parts/Button.tsx";
import { Form } from "../../parts/Field.tsx";
import { TextField } from "../../parts/fields.tsx";
import { Modal } from "../../parts/Modal.tsx";
import { ProblemNotice } from "../../parts/Notice.tsx";
import { PLATFORMS } from "../../words/platforms.ts";
import { type ChangeProps, useChange } from "./useChange.ts";

/** With the platform's API, orders whose webhooks were lost are found each night. */
export function ApiAccess({ source, ...after }: ChangeProps & { source: PlatformSource }) {
  const { name, apiPlace, apiUrl, apiToken, tokenHint } = PLATFORMS[source.platform];
  const [url, setUrl] = useState(source.api?.url ?? "");
  const [token, setToken] = useState("");
  const { problem, change } = useChange(source.id, after);
  const isKept = !!source.api;
  const api = { url: url.trim(), ...(token.trim() && { token: token.trim() }) };
  const off = !url.trim() ? "Paste the address first." : !isKept && !token.trim() && "Paste the token first.";
  return (
    <Modal title={`API access of ${name}`} onClose={after.onClose}>
      <p>
        Deliveries get lost. With access to its API the orders of the last days are read each night, and what is missing
        is added; what is known changes nothing.
      </p>
      <p class="hint">Where: {apiPlace}</p>
      <Form.Provider value={{ errors: problem?.errors ?? {} }}>
        <TextField
          label="Address of the API"
          name="api.url"
          type="url"
          value={url}
          onChange={setUrl}
          placeholder={apiUrl}
          autocomplete="off"
        />
        <TextField
          label={apiToken}
          name="api.token"
          value={token}
          onChange={setToken}
          hint={isKept ? `${tokenHint} Left empty, the one of now stays.` : tokenHint}
          autocomplete="off"
          spellcheck={false}
        />
      </Form.Provider>
      {problem && <ProblemNotice problem={problem} />}
      <div class="actions">
        <Button kind="main" off={off} onPress={() => change({ api }, `${name} is reconciled each night.`)}>
          Save
        </Button>
        {isKept && (
          <Button kind="quiet" icon="trash" onPress={() => change({ api: null }, `${name} is no longer reconciled.`)}>
            Take the access away
          </Button>
        )}
        <Button onPress={after.onClose}>Cancel</Button>
      </div>
    </Modal>
  );
}
