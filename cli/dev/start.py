"""`popups dev`: the embedded servers, the functions and the demo store in one process tree that stops together."""

import base64
import errno
import fcntl
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import click
import uvicorn

from cli.connection import open_connection
from cli.dev import console_files, demo, example_shop
from cli.dev.child import StartError
from cli.dev.embedded import postgres, valkey
from cli.dev.programs import postgres_account, reachable_folder
from cli.function_table import FUNCTIONS
from cli.schema.migrate import migrate
from common.config import SECRET_KEY_BYTES, settings
from common.postgres.driver import Connection
from common.web.protocol import PatientProtocol

ROOT = Path(__file__).resolve().parents[2]
STOREFRONT, CONSOLE = ROOT / "storefront", ROOT / "console"

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SERVERS = ("DATABASE_URL", "INSTANCE_CONNECTION_NAME", "DATABASE_REPLICA_URL", "REPLICA_INSTANCE_CONNECTION_NAME")
"""What would lead the functions away from the embedded servers. The other variables hold as in production."""


def run(port: int, data: Path, *, fresh: bool, with_redis: bool, with_history: bool) -> None:
    """Serve until Ctrl-C or SIGTERM, then stop everything. Raises StartError if something cannot be started.

    `with_history` makes the example shop, a second one with sixty days behind it.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        with ExitStack() as stack:
            listener = stack.enter_context(_listen(port))
            stack.enter_context(_hold(data))
            if fresh:
                _forget(data)
            database = stack.enter_context(postgres(data / "postgres"))
            redis_url = stack.enter_context(valkey(data / "valkey")).url if with_redis else None
            _set_environment(database.url, redis_url, _secrets_key(data))
            _serve(listener, data, with_history)
    except KeyboardInterrupt:
        click.echo("stopped")


def _stop(_number: int, _frame: Any) -> None:
    """Unwind the stack on the first signal; ignore further ones, which would interrupt the clean-up."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    """Bind the address before anything is started; early connections wait for the server."""
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} is in use, perhaps by another `popups dev`; choose one with --port"
            ) from None
        raise StartError(f"Port {port} cannot be used: {error.strerror}") from None
    with listener:
        yield listener


@contextmanager
def _hold(data: Path) -> Iterator[IO[str]]:
    """Lock the data folder for this process. The lock ends with the process, even after SIGKILL."""
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{data} cannot be made: {error.strerror}") from None
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"Another `popups dev` uses {data}; choose another folder with --data") from None
        yield lock


def _forget(data: Path) -> None:
    shutil.rmtree(reachable_folder(data / "postgres", postgres_account()))
    shutil.rmtree(data / "valkey", ignore_errors=True)
    _key_file(data).unlink(missing_ok=True)
    example_shop.key_file(data).unlink(missing_ok=True)


def _secrets_key(data: Path) -> str:
    """Return the data folder's own key for secrets, made on first use: it opens what is stored beside it."""
    path = data / "secrets-key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(base64.b64encode(os.urandom(SECRET_KEY_BYTES)).decode())
    return path.read_text()


def _key_file(data: Path) -> Path:
    return data / "demo-key"


def _set_environment(database_url: str, redis_url: str | None, secrets_key: str) -> None:
    """Set the environment. Call it before the first use of common.config, which reads it once."""
    os.environ.setdefault("SECRETS_KEY", secrets_key)
    for variable in (*SERVERS, "REDIS_URL"):
        os.environ.pop(variable, None)
    os.environ["DATABASE_URL"] = database_url
    if redis_url:
        os.environ["REDIS_URL"] = redis_url


def _serve(listener: socket.socket, data: Path, with_history: bool) -> None:
    from cli.dev.one_address import one_address  # a function checks the environment when it is imported

    with open_connection() as connection:
        migrate(connection, say=click.echo)
        key, codes = demo.prepare_shop(Connection(connection), _key_file(data))
        example_key = example_shop.prepare_shop(Connection(connection), data) if with_history else None
    server = uvicorn.Server(
        uvicorn.Config(
            one_address(STOREFRONT, CONSOLE),
            loop="uvloop",
            http=PatientProtocol,
            lifespan="off",
            proxy_headers=False,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
    )
    port = listener.getsockname()[1]
    with ThreadPoolExecutor(1) as thread:
        introduction = thread.submit(_introduce, port, key, codes, example_key)
        introduction.add_done_callback(lambda done: _stop_if_failed(done, server))
        server.run(sockets=[listener])
        introduction.result()


def _write_history(port: int, key: str) -> None:
    popup_ids = example_shop.prepare_popups(partial(demo.call, port, key))
    with open_connection() as connection:
        example_shop.write_history(connection, popup_ids)
        example_shop.report_orders(Connection(connection))


def _second_shop(key: str | None) -> str:
    return f"{example_shop.SHOP_ID}, with 60 days behind it; its key {key}" if key else "left out (--no-history)"


def _console(address: str) -> str:
    """Return where the console is and how to sign in, or why there is none."""
    if not console_files.is_built(CONSOLE / "dist"):
        return console_files.NOT_BUILT
    return f"{address}{console_files.PATH}/    (shop {demo.SHOP_ID}, with the demo key)"


def _stop_if_failed(introduction: Future[None], server: uvicorn.Server) -> None:
    if introduction.exception():
        server.should_exit = True


def _introduce(port: int, key: str, codes: dict[str, str], example_key: str | None) -> None:
    """Create the shops' popups and print the introduction, in a thread, since it calls the running server."""
    popup_id = demo.prepare_popups(port, key, codes)
    if example_key:
        _write_history(port, example_key)
    address = f"http://localhost:{port}"
    config = settings()
    click.echo(f"""
The demo store   {address}/    (move the mouse out through the top)
The console      {_console(address)}
The script       {address}/storefront.js
The API          {address}/reference/
The functions    {address}/NAME: {" ".join(FUNCTIONS)}
Postgres         {config.database_url}
Valkey           {config.redis_url or "none, the cache is in memory"}
The demo key     {key}
The second shop  {_second_shop(example_key)}
Limits           {config.rate_limit_views} views, {config.rate_limit_conversions} conversions, \
{config.rate_limit_stats} stats, {config.rate_limit_default} others a minute

To try in another terminal:
""")
    for line in demo.lines_to_try(address, key, popup_id):
        click.echo(f"  {line}")
    click.echo("\nCtrl-C stops everything.\n")
    sys.stdout.flush()
