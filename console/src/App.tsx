import { Layout } from "./Layout.tsx";
import { SignIn } from "./pages/SignIn.tsx";
import { isAsked, session } from "./session.ts";

export function App() {
  if (!session.value) return <SignIn />;
  return (
    <>
      <Layout />
      {isAsked.value && <SignIn over />}
    </>
  );
}
