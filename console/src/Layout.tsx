// What is around every page: the ways to the others, who is signed in, and the status line.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Place } from "./addresses.ts";
import { kindOf, PageOf } from "./pages.tsx";
import { Icon, type IconName } from "./parts/Icon.tsx";
import { Link } from "./parts/Link.tsx";
import { StatusLine } from "./parts/StatusLine.tsx";
import { here } from "./router.ts";
import { mayWrite, READ_ONLY, session, signOut } from "./session.ts";
import { freshShop, loadShop, shop } from "./shop.ts";
import { say } from "./status.ts";

const WAYS: [Place, string, IconName, string[]][] = [
  [{ page: "popups" }, "Popups", "window", ["popup", "new", "start"]],
  [{ page: "why" }, "Why (not) shown", "question", []],
  [{ page: "codes" }, "Discount codes", "ticket", ["code"]],
  [{ page: "orders" }, "Orders", "bag", ["sources"]],
  [{ page: "subscribers" }, "Subscribers", "people", []],
  [{ page: "shop" }, "Shop", "shop", []],
  [{ page: "keys" }, "API keys", "key", []],
];

// Their pages tell since when the shop's orders are trusted, which the newest order may have changed.
const OF_ORDERS = ["orders", "sources"];

export function Layout() {
  const address = here.value;
  const isOpen = useSignal(false);
  const kind = kindOf(address);
  useEffect(() => void (OF_ORDERS.includes(kind) ? freshShop() : loadShop()), [kind]);
  // Another page closes the menu.
  useEffect(() => {
    isOpen.value = false;
    say("");
  }, [kind]);
  return (
    <div class="frame">
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place, which is not in the address, since that is the console's own */}
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <header class="side">
        <p class="brand">{shop.value?.name ?? session.value?.shopId}</p>
        <button
          type="button"
          class="button plain menu"
          aria-expanded={isOpen.value}
          aria-controls="ways"
          onClick={() => (isOpen.value = !isOpen.value)}
        >
          Menu
        </button>
        <div id="ways" class={isOpen.value ? "ways open" : "ways"}>
          <nav aria-label="Console">
            {WAYS.map(([place, text, icon, below]) => (
              <Link key={text} to={place} current={[place.page, ...below].includes(address.page)}>
                <Icon name={icon} />
                {text}
              </Link>
            ))}
          </nav>
          <div class="who">
            <p>{session.value?.keyName || "API key"}</p>
            {!mayWrite.value && <p>{READ_ONLY}</p>}
            <button type="button" class="button quiet" onClick={signOut}>
              <Icon name="out" />
              Sign out
            </button>
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <PageOf address={address} />
        <StatusLine />
      </main>
    </div>
  );
}

function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
