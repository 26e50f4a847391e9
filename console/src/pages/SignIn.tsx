import { useEffect, useRef, useState } from "preact/hooks";
import { whoIs } from "../api/calls.ts";
import { Problem } from "../api/problem.ts";
import { Icon } from "../parts/Icon.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Notice } from "../parts/Notice.tsx";
import { session, signIn, signOut } from "../session.ts";

/** A real form with a user name and a password, so that the browser's password manager is the keychain. */
export function SignIn({ over }: { over?: boolean }) {
  if (!over) {
    return (
      <main class="sign-in">
        <p class="mark">
          <Icon name="window" />
          Popups
        </p>
        <div class="card stack">
          <h1>Sign in</h1>
          <SignInForm />
        </div>
      </main>
    );
  }
  return (
    <Modal title="Sign in again">
      <p>The key is no longer accepted, or nobody was here for a while. What you were working on is still there.</p>
      <SignInForm />
      <p>
        <button type="button" class="button quiet" onClick={signOut}>
          Sign out
        </button>
      </p>
    </Modal>
  );
}

function SignInForm() {
  const form = useRef<HTMLFormElement>(null);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Console";
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy || !form.current) return;
    const given = new FormData(form.current);
    setBusy(true);
    setProblem(await trySignIn(String(given.get("username")).trim(), String(given.get("password")).trim()));
    setBusy(false);
  };
  return (
    <form ref={form} class="stack" onSubmit={submit}>
      <div class="field">
        <label for="username">Shop</label>
        <input
          id="username"
          name="username"
          required
          autocomplete="username"
          autocapitalize="off"
          spellcheck={false}
          defaultValue={session.value?.shopId ?? ""}
          aria-describedby="username-hint"
        />
        <p class="hint" id="username-hint">
          The shop’s id, as in the script’s tag.
        </p>
      </div>
      <div class="field">
        <label for="password">API key</label>
        <input
          id="password"
          name="password"
          type="password"
          required
          autocomplete="current-password"
          aria-describedby="password-hint"
        />
        <p class="hint" id="password-hint">
          Made under API keys by somebody who is in already, or by whoever runs the backend. It stays in this tab and is
          forgotten when you close it.
        </p>
      </div>
      {problem && <Notice kind="problem">{problem}</Notice>}
      <button class="button main" type="submit" aria-disabled={isBusy}>
        {isBusy ? "One moment…" : "Sign in"}
      </button>
    </form>
  );
}

/** Answers what is wrong, or nothing. */
async function trySignIn(shopId: string, key: string): Promise<string> {
  try {
    const known = await whoIs(key);
    if (known.shop_id !== shopId) return "This key belongs to another shop.";
    signIn({ shopId, key, keyId: known.id, keyName: known.name, rights: known.rights });
    return "";
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.status === 401 ? "The shop or the key is not right." : error.message;
  }
}
