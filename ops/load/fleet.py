"""A fleet on this machine: instances of every function behind nginx, on an embedded Postgres and Valkey."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click
import requests

from cli.connection import open_connection
from cli.dev.child import Child, free_port
from cli.dev.embedded import MAX_CONNECTIONS, postgres, valkey
from cli.function_table import FUNCTIONS, DeployedFunction
from cli.progress import progress
from cli.schema.migrate import migrate
from cli.shops import create_key, create_shop
from common.config import load
from common.postgres.driver import Connection
from ops.load.world import Shop, World, urls_below

ROOT = Path(__file__).resolve().parent.parent.parent
SHOPS, POPUPS_A_SHOP = 100, 3
# Psql, migrations and the check at the end need some too.
SPARE_CONNECTIONS = 20

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    {upstreams}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        {locations}
    }}
}}
"""
UPSTREAM = "upstream {name} {{ least_conn; keepalive 256; {servers} }}"
# The load sends X-Forwarded-For as a platform's front end would; it is passed on as it is.
LOCATION = "location /{name}/ {{ proxy_pass http://{name}/; }}"


@dataclass
class Fleet:
    """What runs: the world for the load, the database's URL, and the processes by group."""

    world: World
    database_url: str
    groups: dict[str, list[int]] = field(default_factory=dict)
    about: str = ""


@contextmanager
def local_fleet(folder: Path, instances: int) -> Iterator[Fleet]:
    """Run everything on 127.0.0.1 and remove it afterwards. Without nginx it is one instance of each function."""
    proxy = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not proxy and instances > 1:
        click.echo("There is no nginx on this machine (apt-get install nginx): one instance of each function.")
        instances = 1
    with ExitStack() as stack:
        database = stack.enter_context(postgres(folder / "postgres"))
        cache = stack.enter_context(valkey(folder / "valkey"))
        with open_connection(load({"DATABASE_URL": database.url})) as connection:
            migrate(connection, say=lambda _: None)
            keys = _create_shops(Connection(connection))
        functions = _start_functions(stack, folder, _environ(database.url, cache.url, instances), instances)
        groups = {name: [child.pid for child, _ in started] for name, started in functions.items()}
        groups |= {"Postgres": [database.pid], "Valkey": [cache.pid]}
        ports = {name: [port for _, port in started] for name, started in functions.items()}
        urls = {name: f"http://127.0.0.1:{port}" for name, (port, *_) in ports.items()}
        if proxy:
            child, url = _start_proxy(stack, proxy, folder, ports)
            groups["nginx"] = [child.pid]
            urls = urls_below(url)
        with progress(keys.items(), "Shops") as shown:
            shops = [Shop(shop_id, _create_popups(urls["manage_popups"], key), key) for shop_id, key in shown]
        about = f"{instances} instance(s) of each function {'behind nginx' if proxy else 'without a proxy'}"
        yield Fleet(World(urls, shops), database.url, groups, about)


def _start_functions(
    stack: ExitStack, folder: Path, environ: dict[str, str], instances: int
) -> dict[str, list[tuple[Child, int]]]:
    """Start the instances of every function. Return their processes and ports; the stack stops them."""
    functions: dict[str, list[tuple[Child, int]]] = {}
    for name, function in FUNCTIONS.items():
        functions[name] = [_child(function, folder, environ) for _ in range(instances)]
        for child, port in functions[name]:
            stack.callback(child.stop)
            child.start(_answers(f"http://127.0.0.1:{port}/_health"))
    return functions


def _environ(database_url: str, redis_url: str, instances: int) -> dict[str, str]:
    """Return the functions' environment: limits as in production, and pools that fit the database together."""
    pool = (MAX_CONNECTIONS - SPARE_CONNECTIONS) // (instances * len(FUNCTIONS))
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRUSTED_PROXIES": "1",
        "DB_POOL_MAX": str(max(1, min(20, pool))),
        "DB_POOL_MIN": str(max(1, min(5, pool))),
    }


def _child(function: DeployedFunction, folder: Path, environ: dict[str, str]) -> tuple[Child, int]:
    port = free_port()
    program = Path(sys.executable).with_name("functions-framework")
    words = ["--source", function.source, "--target", function.name, "--host", "127.0.0.1", "--port", str(port)]
    environ = {**environ, "FUNCTION_USE_ASGI": "1"} if function.server == "asgi" else environ
    log = folder / f"{function.name}-{port}.log"
    return Child(function.name, [program, *words], log, environ=environ, folder=ROOT), port


def _start_proxy(stack: ExitStack, program: str, folder: Path, ports: dict[str, list[int]]) -> tuple[Child, str]:
    port = free_port()
    servers = {name: " ".join(f"server 127.0.0.1:{each};" for each in own) for name, own in ports.items()}
    upstreams = "\n    ".join(UPSTREAM.format(name=name, servers=own) for name, own in servers.items())
    locations = "\n        ".join(LOCATION.format(name=name) for name in ports)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstreams=upstreams, locations=locations))
    child = Child("nginx", [program, "-c", config, "-p", folder], folder / "nginx.out")
    stack.callback(child.stop)
    url = f"http://127.0.0.1:{port}"
    child.start(_listens(url))
    return child, url


def _create_shops(connection: Connection) -> dict[str, str]:
    """Create the shops. Return a key of each, which may write: the popups are made with it."""
    keys = {}
    for number in range(1, SHOPS + 1):
        shop_id = f"load-{number}"
        create_shop(connection, shop_id, name=f"Shop {number}", currency="EUR", time_zone="Europe/Berlin")
        keys[shop_id] = create_key(connection, shop_id, "write", "load")
    return keys


def _create_popups(url: str, key: str) -> list[str]:
    """Create a shop's popups through the API, each shop from an address of its own, so that no limit is met."""
    client = f"10.9.{zlib.crc32(key.encode()) % 250}.{zlib.adler32(key.encode()) % 250}"
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": client}
    popup_ids = []
    for number in range(POPUPS_A_SHOP):
        popup = {"name": f"Popup {number}", "status": "active", "design": {"heading": "Leaving already?"}}
        answer = requests.post(f"{url}/popups", json=popup, headers=headers, timeout=30)
        answer.raise_for_status()
        popup_ids.append(answer.json()["id"])
    return popup_ids


def _answers(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        with suppress(requests.RequestException):
            return requests.get(url, timeout=5).status_code == 200
        return False

    return answers


def _listens(url: str) -> Callable[[], bool]:
    parts = urlsplit(url)

    def listens() -> bool:
        with suppress(OSError), socket.create_connection((parts.hostname, parts.port), 1):
            return True
        return False

    return listens
