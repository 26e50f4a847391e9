import type { Tab } from "../../addresses.ts";
import type { Popup } from "../../api/schema.ts";
import { Link } from "../../parts/Link.tsx";

const TABS: [Tab, string][] = [
  ["design", "Design"],
  ["results", "Results"],
  ["experiment", "Experiment"],
  ["history", "History"],
];

/** The ways between the pages of one popup. */
export function PopupHead({ id, tab, name }: { id: string; tab: Tab; name?: Popup["name"] }) {
  return (
    <nav class="tabs" aria-label={name ? `About ${name}` : "About the popup"}>
      <Link to={{ page: "popups" }} class="back">
        <span>Popups</span>
      </Link>
      {TABS.map(([key, text]) => (
        <Link key={key} to={{ page: "popup", id, tab: key }} current={key === tab}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
