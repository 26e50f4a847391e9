"""A TCP proxy between a function and its database or cache: counts round trips and plays the network's faults."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

CHUNK_BYTES = 1 << 16

TICK_SECONDS = 0.05
"""How soon an idle connection notices that it is to be cut or that a black hole is over."""


class Proxy:
    """Listens on `port` of the loopback and forwards to `target_port`.

    `round_trips` counts each time the server answers after the client has spoken, over all connections, connecting
    included: warm the connection up, then `reset()`. `bytes_sent` counts what the client has said.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._generation = 0
        self._black_hole = False
        self._delay_seconds = 0.0
        self.round_trips = self.connections = self.bytes_sent = 0
        self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def reset(self) -> None:
        """Count from zero again."""
        with self._lock:
            self.round_trips = self.connections = self.bytes_sent = 0

    def refuse(self) -> None:
        """Cuts what is connected and refuses new connections, as a server that is down."""
        # A thread inside accept() keeps the listening socket alive until it is woken.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.cut()

    def black_hole(self) -> None:
        """Take connections and bytes and pass nothing on, as a network without a route does."""
        self._black_hole = True

    def delay(self, seconds: float) -> None:
        """Pass on every answer of the server so many seconds later."""
        self._delay_seconds = seconds

    def cut(self) -> None:
        """Close every connection; new ones are accepted."""
        self._generation += 1

    def heal(self) -> None:
        """End every fault. Connections that were in a black hole are cut: what they carried is lost."""
        if self._black_hole:
            self.cut()
        self._black_hole = False
        self._delay_seconds = 0.0
        if self._listener.fileno() < 0:
            self._listen(self.port)

    def close(self) -> None:
        self.heal()
        self.refuse()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._accepting = threading.Thread(target=self._accept, args=[self._listener], daemon=True)
        self._accepting.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # refuse() closed it
                return
            threading.Thread(target=self._carry, args=[client, self._generation], daemon=True).start()

    def _carry(self, client: socket.socket, generation: int) -> None:
        target = ("127.0.0.1", self._target_port)
        with client, contextlib.suppress(OSError), socket.create_connection(target) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
            self._exchange(client, server, generation)

    def _exchange(self, client: socket.socket, server: socket.socket, generation: int) -> None:
        """Until one side hangs up or cut() moves on to the next generation."""
        asked = False
        while generation == self._generation:
            if self._black_hole:
                time.sleep(TICK_SECONDS)
                continue
            readable, _, _ = select.select([client, server], [], [], TICK_SECONDS)
            if self._black_hole:
                continue
            if client in readable:
                if not (chunk := client.recv(CHUNK_BYTES)):
                    return
                asked = True
                with self._lock:
                    self.bytes_sent += len(chunk)
                server.sendall(chunk)
            if server in readable:
                if not (chunk := server.recv(CHUNK_BYTES)):
                    return
                with self._lock:
                    self.round_trips += asked
                asked = False
                time.sleep(self._delay_seconds)
                client.sendall(chunk)


@contextlib.contextmanager
def proxy_to(target_port: int) -> Iterator[Proxy]:
    """Yield a proxy in front of that port of the loopback, for the block."""
    proxy = Proxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
