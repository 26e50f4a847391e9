"""Cloud SQL on the loopback: the Admin API, a token endpoint, and the TLS proxy in front of each instance's Postgres.

The Cloud SQL connector reaches it by its `sqladmin_api_endpoint` and by credentials whose token_uri leads here. What it
hands out is real: ephemeral certificates are signed by a certificate authority of its own, and the proxy lets nobody in
without one that is still valid.
"""

import datetime
import http.server
import json
import os
import select
import socket
import ssl
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PROXY_PORT = 3307
"""Where the connector expects every instance's proxy, on the address that the Admin API names."""

PROJECT, REGION = "acme", "europe-west1"

Certificate = x509.Certificate


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """A certificate authority of the test's own, and the servers' certificate."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self.certificate = self._sign("Test CA", self._key.public_key(), datetime.timedelta(hours=1), is_authority=True)

    def issue(self, name: str, public_key: Any, lifetime: datetime.timedelta) -> str:
        return _pem(self._sign(name, public_key, lifetime))

    def server_context(self) -> ssl.SSLContext:
        """TLS as the server-side proxy speaks it: with a client's certificate or not at all."""
        key = rsa.generate_private_key(65537, 2048)
        with tempfile.TemporaryDirectory() as folder:
            chain, authority = Path(folder, "chain.pem"), Path(folder, "ca.pem")
            private = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            chain.write_text(private.decode() + self.issue("proxy", key.public_key(), datetime.timedelta(hours=1)))
            authority.write_text(_pem(self.certificate))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(chain)
            context.load_verify_locations(authority)
        return context

    def _sign(
        self, name: str, public_key: Any, lifetime: datetime.timedelta, *, is_authority: bool = False
    ) -> Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(
            issuer_name=_name("Test CA"),
            subject_name=_name(name),
            public_key=public_key,
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(minutes=1),
            not_valid_after=now + lifetime,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class Instance:
    """One instance: where its proxy is now, and what has been asked for it."""

    name: str
    address: str
    certificate_lifetime: datetime.timedelta = datetime.timedelta(hours=1)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)

    @property
    def connection_name(self) -> str:
        return f"{PROJECT}:{REGION}:{self.name}"


class CloudSql:
    """The whole of it; one server process of Postgres stands behind all instances."""

    def __init__(self, postgres_port: int) -> None:
        self.authority = Authority()
        self.postgres_port = postgres_port
        self.instances: dict[str, Instance] = {}
        self.tokens = 0
        self.api_status = 200
        self.api_silent = threading.Event()
        self._proxies: dict[str, TlsProxy] = {}
        handler = type("Handler", (_AdminApi,), {"cloud": self})
        self._api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._api.daemon_threads = True
        threading.Thread(target=self._api.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._api.server_port}"

    def credentials_file(self, folder: Path) -> Path:
        """Write a service account's key file for GOOGLE_APPLICATION_CREDENTIALS and return its path."""
        key = rsa.generate_private_key(65537, 2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": private.decode(),
            "client_email": f"shop-notes@{PROJECT}.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{self.endpoint}/token",
        }
        path = folder / "credentials.json"
        path.write_text(json.dumps(account))
        return path

    def new_instance(self, **fields: Any) -> Instance:
        """Return an instance with a running proxy, on a loopback address of its own."""
        instance = Instance(f"instance-{len(self.instances) + 1}", self.new_proxy(), **fields)
        self.instances[instance.name] = instance
        return instance

    def new_proxy(self) -> str:
        """Start another proxy and return its address."""
        # Test processes at work side by side have networks of their own.
        address = f"127.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}.{len(self._proxies) + 1}"
        self._proxies[address] = TlsProxy(self, address)
        return address

    def proxy(self, address: str) -> "TlsProxy":
        return self._proxies[address]

    def close(self) -> None:
        self.api_silent.clear()
        self._api.shutdown()
        self._api.server_close()
        for proxy in self._proxies.values():
            proxy.stop()


class _AdminApi(http.server.BaseHTTPRequestHandler):
    cloud: CloudSql
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # …/instances/NAME/connectSettings
        instance = self.cloud.instances[self.path.split("/")[-2]]
        settings = {
            "region": REGION,
            "databaseVersion": "POSTGRES_18",
            "ipAddresses": [{"type": "PRIMARY", "ipAddress": instance.address}],
            "serverCaCert": {"cert": _pem(self.cloud.authority.certificate)},
        }
        self._answer(settings)

    def do_POST(self) -> None:  # …/instances/NAME:generateEphemeralCert, or the token endpoint
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            self.cloud.tokens += 1
            self._answer({"access_token": f"token-{self.cloud.tokens}", "expires_in": 3600, "token_type": "Bearer"})
            return
        asked = json.loads(body)
        instance = self.cloud.instances[self.path.split("/")[-1].partition(":")[0]]
        instance.certificates.append(asked)
        public_key = serialization.load_pem_public_key(asked["public_key"].encode())
        # What is signed in by IAM is the certificate: it carries the token.
        owner = asked.get("access_token", "without a token")
        certificate = self.cloud.authority.issue(f"{instance.name} {owner}", public_key, instance.certificate_lifetime)
        self._answer({"ephemeralCert": {"cert": certificate}})

    def _answer(self, content: dict[str, Any]) -> None:
        while self.cloud.api_silent.is_set():
            threading.Event().wait(0.05)
        status = self.cloud.api_status
        body = json.dumps(content if status == 200 else {"error": {"message": "as the test wished"}}).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class TlsProxy:
    """The server-side proxy of an instance: checks the client's certificate and passes on what is inside."""

    def __init__(self, cloud: CloudSql, address: str) -> None:
        self._cloud = cloud
        self._context = cloud.authority.server_context()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server((address, PROXY_PORT))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """As when the machine goes: nobody listens, and every connection is reset."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), raw, self._context.wrap_socket(raw, server_side=True) as client:
            name = dict(part[0] for part in client.getpeercert()["subject"])["commonName"]  # type: ignore[index,misc]
            self._cloud.instances[str(name).partition(" ")[0]].clients.append(str(name))
            with socket.create_connection(("127.0.0.1", self._cloud.postgres_port)) as server:
                self._connections |= {client, server}
                _pass_on(client, server)
            self._connections -= {client, server}


def _pass_on(client: ssl.SSLSocket, server: socket.socket) -> None:
    while True:
        readable = [client] if client.pending() else select.select([client, server], [], [])[0]
        for source, target in ((client, server), (server, client)):
            if source in readable:
                if not (chunk := source.recv(1 << 16)):
                    return
                target.sendall(chunk)
