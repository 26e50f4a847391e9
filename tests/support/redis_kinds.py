"""The kinds of Redis besides a single plain server: a cluster of three nodes, and one behind TLS and a password."""

import asyncio
import contextlib
import datetime
import ipaddress
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.crc import key_slot

from cli.dev.child import free_port
from cli.dev.embedded import Valkey, valkey
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import PATIENT, eventually

SLOTS = 16384
PASSWORD = "s3cret/with:signs@"
URL_PASSWORD = "s3cret%2Fwith%3Asigns%40"


@dataclass
class ClusterNode:
    """A node, the proxy under whose port it is known to clients, and a client of its own that goes past it."""

    server: Valkey
    proxy: Proxy
    client: redis.Redis

    @property
    def id(self) -> str:
        return str(self.client.execute_command("CLUSTER MYID").decode())


@dataclass
class Cluster:
    nodes: list[ClusterNode]

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.nodes[0].proxy.port}"

    def owner(self, key: str) -> ClusterNode:
        return self.nodes[key_slot(key.encode()) * len(self.nodes) // SLOTS]

    def hand_over(self, slots: range, to: ClusterNode) -> None:
        """Give slots to another node, as a failover does."""
        living = [node for node in self.nodes if node.server.running()]
        for node in living:
            with contextlib.suppress(redis.ResponseError):  # it knew of no owner
                node.client.execute_command("CLUSTER DELSLOTSRANGE", slots[0], slots[-1])
        to.client.execute_command("CLUSTER ADDSLOTSRANGE", slots[0], slots[-1])
        to.client.execute_command("CLUSTER BUMPEPOCH")


def slots_of(number: int, nodes: int) -> range:
    return range(-(-SLOTS * number // nodes), -(-SLOTS * (number + 1) // nodes))


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Three masters that share the slots, each behind a proxy."""
    with contextlib.ExitStack() as stack:
        nodes = [_start_node(folder / str(number), stack) for number in range(3)]
        for number, node in enumerate(nodes):
            slots = slots_of(number, len(nodes))
            node.client.execute_command("CLUSTER ADDSLOTSRANGE", slots[0], slots[-1])
            for other in nodes[:number]:
                bus = other.client.config_get("cluster-port")["cluster-port"]
                node.client.execute_command("CLUSTER MEET", "127.0.0.1", other.server.port, bus)
        eventually(lambda: all(_is_whole(node) for node in nodes), seconds=30)
        yield Cluster(nodes)


def _start_node(folder: Path, stack: contextlib.ExitStack) -> ClusterNode:
    port = free_port()
    proxy = stack.enter_context(proxy_to(port))
    settings = {
        "cluster-enabled": "yes",
        "cluster-config-file": "nodes.conf",
        "cluster-port": free_port(),
        "cluster-announce-port": proxy.port,
        "cluster-node-timeout": 1000,
        # As it must be where a node may be lost without taking the others along.
        "cluster-require-full-coverage": "no",
    }
    server = stack.enter_context(valkey(folder, port, settings))
    return ClusterNode(server, proxy, stack.enter_context(redis.Redis(port=port)))


def _is_whole(node: ClusterNode) -> bool:
    info = node.client.execute_command("CLUSTER INFO")
    state = {str(name): str(value) for name, value in info.items()}
    return (state["cluster_state"], state["cluster_slots_ok"], state["cluster_known_nodes"]) == ("ok", str(SLOTS), "3")


@contextlib.contextmanager
def running_behind_tls(folder: Path) -> Iterator[str]:
    """Yield the URL of a Valkey with a password behind a proxy that ends TLS, which the wheel's own lacks."""
    with valkey(folder / "valkey") as server:
        with redis.Redis(port=server.port) as admin:
            admin.config_set("requirepass", PASSWORD)
        authority, certificate = make_certificates(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        with tls_proxy_to(server.port, context) as port:
            yield f"rediss://:{URL_PASSWORD}@127.0.0.1:{port}/0{PATIENT}&ssl_ca_certs={authority}"


@contextlib.contextmanager
def tls_proxy_to(target_port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Yield the port of a proxy that speaks TLS with its clients.

    It has one thread, since OpenSSL forbids that one reads from a connection while another writes to it.
    """
    started: queue.SimpleQueue[tuple[int, Callable[[], object]]] = queue.SimpleQueue()

    async def carry(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            server, to_server = await asyncio.open_connection("127.0.0.1", target_port)
            await asyncio.gather(_pump(client, to_server), _pump(server, to_client))

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        proxy = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
        started.put((proxy.sockets[0].getsockname()[1], partial(loop.call_soon_threadsafe, stop.set)))
        await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    port, stop = started.get()
    try:
        yield port
    finally:
        stop()
        thread.join()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(1 << 16):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """Write an authority's certificate, and a server's for the loopback with its key; return both paths."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test server")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(issuer_name=authority_name, subject_name=subject, public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    is_authority = x509.BasicConstraints(ca=True, path_length=None)
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    pem = serialization.Encoding.PEM
    authority, server = folder / "authority.pem", folder / "server.pem"
    signed = certificate(authority_name, authority_key).add_extension(is_authority, critical=True)
    authority.write_bytes(signed.sign(authority_key, hashes.SHA256()).public_bytes(pem))
    signed = certificate(server_name, server_key).add_extension(loopback, critical=False)
    plain = serialization.NoEncryption()
    server.write_bytes(
        signed.sign(authority_key, hashes.SHA256()).public_bytes(pem)
        + server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    return authority, server
