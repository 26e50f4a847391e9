"""Request the popups of every shop in the database, so that no shopper has to wait for the first load."""

from __future__ import annotations

from cli.function_table import FUNCTIONS
from ops.deploy.admin import run_inside
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, print_command, say
from ops.deploy.database import shop_ids

TRIES, ANSWER_SECONDS = 5, 30
WORTH_ANOTHER_TRY = (408, 429, 500, 502, 503, 504)


def warm(cloud: Cloud) -> None:
    """Request each shop's popups: the function fills its own cache, so Redis need not be reachable from here.

    Where this machine reaches neither the function nor the database, `popups warm` fills it from inside.
    """
    if cloud.settings.is_closed or cloud.settings["MIGRATE_IN"] == "job":
        run_inside(cloud, "warm")
        return
    url = cloud.service_url(FUNCTIONS["get_active_popups"])
    if not url:
        raise Failure("get_active_popups is not deployed")
    shops = shop_ids(cloud)
    if cloud.commands.dry_run:
        print_command("curl", "--get", "--data-urlencode", "shop_id=SHOP", f"{url}/")
        return
    for shop in shops:
        _fetch(f"{url}/", shop)
        say(f"warmed {shop}")


def _fetch(url: str, shop: str) -> None:
    import requests
    from urllib3.util import Retry

    # A 429 says after how many seconds to retry.
    retry = Retry(TRIES, status_forcelist=WORTH_ANOTHER_TRY, backoff_factor=1)
    with requests.Session() as connection:
        connection.mount(url, requests.adapters.HTTPAdapter(max_retries=retry))
        try:
            connection.get(url, params={"shop_id": shop}, timeout=ANSWER_SECONDS).raise_for_status()
        except requests.RequestException as error:
            raise Failure(f"the popups of {shop} could not be fetched: {error}") from None
