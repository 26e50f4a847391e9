"""The API's reference of `popups dev`: it shows every call, and asks nobody but the address that it comes from."""

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from cli.dev.child import free_port
from cli.dev.reference import PATH, reference
from openapi.tags import TAGS
from tests.support.stack import eventually


@pytest.fixture
def address() -> Iterator[str]:
    """Where it is served."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(reference(), port=port, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_the_reference_shows_every_resource_and_asks_no_other_host(browser: Browser, address: str) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}{PATH}")
    for tag in TAGS:
        expect(page.locator(f"#operations-tag-{tag}")).to_be_visible()
    page.locator("#operations-tag-popups").click()
    page.locator("#operations-popups-create_popup").click()
    expect(page.get_by_text("Leaving so soon?").first).to_be_visible()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    page.close()
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert errors == []
