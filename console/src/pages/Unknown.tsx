import { Link } from "../parts/Link.tsx";
import { Page } from "../parts/Page.tsx";

export function Unknown() {
  return (
    <Page title="There is no such page">
      <p>
        The address may be from another version of the console. <Link to={{ page: "popups" }}>To your popups</Link>
      </p>
    </Page>
  );
}
