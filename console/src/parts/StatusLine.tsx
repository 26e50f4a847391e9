import { say, status } from "../status.ts";
import { Button } from "./Button.tsx";

/** The page's one live region. It stays until the next act. */
export function StatusLine() {
  const { text, undo } = status.value;
  return (
    <div class={text ? "status shown" : "status"}>
      <p role="status">{text}</p>
      {undo && <Button onPress={undo}>Undo</Button>}
      {text && (
        <Button kind="quiet" onPress={() => say("")}>
          Dismiss
        </Button>
      )}
    </div>
  );
}
