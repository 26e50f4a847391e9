"""Serve all functions, the console and the demo store under one address, for `popups dev`."""

from pathlib import Path
from typing import Any

from cli.dev import console_files
from cli.dev.demo_store import demo_store
from cli.dev.reference import PATH, reference
from cli.dev.script_files import script_file
from cli.function_table import FUNCTIONS, DeployedFunction, load
from common.web.asgi import Application, asgi_app
from common.web.flask import flask_app
from common.web.incoming import Receive, Scope, Send


def one_address(storefront: Path, console: Path) -> Application:
    """Return an application: each function below its names, the console, the API reference, the script, else the store.

    `storefront` and `console` are the folders of that name.
    """
    functions = {}
    for function in FUNCTIONS.values():
        functions[function.name] = functions[function.service] = served(function)
    store: Any = demo_store(storefront / "demo")
    pages: Any = reference()
    merchant: Any = console_files.console_files(console / "dist")

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix("/").partition("/")[0]
        if name in functions:
            await functions[name](scope, receive, send)
        elif name == PATH.removeprefix("/"):
            await pages(scope, receive, send)
        elif name == console_files.PATH.removeprefix("/"):
            await merchant(scope, receive, send)
        elif file := script_file(storefront / "dist", scope["path"].removeprefix("/")):
            await file(dict(scope), receive, send)
        else:
            await store(scope, receive, send)

    return application


def served(function: DeployedFunction) -> Application:
    """Return the function's application as it is deployed, without gunicorn's master process."""
    loaded = load(function)
    return flask_app(loaded, function.concurrency) if function.server == "flask" else asgi_app(loaded)
