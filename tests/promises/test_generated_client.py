"""A client that a public generator makes of what a function says of itself: it does the function's work."""

import importlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from tests.support.client import PROMISED_SECONDS
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.stack import FUNCTIONS, Database, FunctionProcess, eventually

PROGRAMS = Path(sys.executable).parent

Import = Callable[[str], Any]


@pytest.fixture(scope="module")
def client_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[FunctionProcess], Import]:
    """Return what imports the modules of a function's client: `client_of(stats)("api.stats.get_shop_stats")`."""
    folder = tmp_path_factory.mktemp("clients")
    sys.path.insert(0, str(folder))

    def generate(function: FunctionProcess) -> Import:
        package = f"client_of_{function.name}"
        if not (folder / package).exists():
            document = folder / f"{function.name}.json"
            document.write_bytes(requests.get(f"{function.url}/_openapi.json", timeout=10).content)
            generator: list[str | Path] = [
                PROGRAMS / "openapi-python-client",
                "generate",
                "--fail-on-warning",
                "--meta",
                "none",
            ]
            command: list[str | Path] = [*generator, "--path", document, "--output-path", folder / package]
            environ = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr

        def imported(module: str) -> ModuleType:
            return importlib.import_module(f"{package}.{module}" if module else package)

        return imported

    return generate


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_client_is_generated_without_a_warning(
    client_of: Callable[[FunctionProcess], Import], request: pytest.FixtureRequest, name: str
) -> None:
    assert client_of(request.getfixturevalue(name))("").Client


def test_a_merchants_client_makes_changes_lists_and_deletes_popups(
    client_of: Callable[[FunctionProcess], Import], manage_popups: FunctionProcess, shop: Shop
) -> None:
    imported = client_of(manage_popups)
    client = imported("").AuthenticatedClient(base_url=manage_popups.url, token=shop.write_key)
    models, popups = imported("models"), "api.popups"
    with client:
        popup = imported(f"{popups}.create_popup").sync(client=client, body=models.PopupWritten(name="Generated"))
        assert (popup.name, popup.version, popup.status) == ("Generated", 1, "draft")
        change = models.UpdatePopupBody.from_dict({"design": {"heading": "Wait!"}})
        update = imported(f"{popups}.update_popup").sync
        assert update(popup.id, client=client, body=change, if_match='"1"').design.heading == "Wait!"
        assert update(popup.id, client=client, body=change, if_match='"7"').code == "stale_version"
        listed = imported(f"{popups}.list_popups").sync(client=client, limit=10)
        assert [each.id for each in listed.popups] == [popup.id]
        assert imported(f"{popups}.delete_popup").sync_detailed(popup.id, client=client).status_code == 204
        assert imported(f"{popups}.get_popup").sync(popup.id, client=client).code == "popup_not_found"


def test_what_a_storefronts_client_reports_a_merchants_client_reads(
    client_of: Callable[[FunctionProcess], Import],
    get_active_popups: FunctionProcess,
    track_view: FunctionProcess,
    stats: FunctionProcess,
    database: Database,
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    shown = client_of(get_active_popups)
    listed = shown("api.storefront.list_active_popups").sync(
        client=shown("").Client(base_url=get_active_popups.url), shop_id=shop.id
    )
    assert [popup["id"] for popup in listed.popups] == [popup_id]
    seen = client_of(track_view)
    view = seen("models").ViewWritten(popup_id=uuid.UUID(popup_id), session_id="visit")
    accepted = seen("api.storefront.report_views").sync(client=seen("").Client(base_url=track_view.url), body=view)
    assert accepted.accepted == 1
    read = client_of(stats)
    client = read("").AuthenticatedClient(base_url=stats.url, token=shop.read_key)
    report = read("api.stats.get_popup_stats").sync
    eventually(lambda: report(uuid.UUID(popup_id), client=client).views == 1, seconds=PROMISED_SECONDS)
