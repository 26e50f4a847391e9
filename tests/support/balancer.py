"""A load balancer in small: a reverse proxy on the loopback that reads a URL map as Google's does.

It knows what ours uses: hosts, exact paths and prefixes by priority, and a rewritten prefix. Like Google's it appends
the client's address and its own to X-Forwarded-For.
"""

import contextlib
import http.client
import http.server
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

OWN_ADDRESS = "203.0.113.7"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}

Rule = dict[str, Any]


def route(url_map: dict[str, Any], host: str, path: str) -> tuple[Rule, str]:
    """Return the rule for a path (at least with its service) and the path that the service sees."""
    matchers = {rule["pathMatcher"] for rule in url_map["hostRules"] if host in rule["hosts"]}
    for matcher in url_map["pathMatchers"]:
        if matcher["name"] not in matchers:
            continue
        for rule in sorted(matcher["routeRules"], key=lambda rule: int(rule["priority"])):
            for match in rule["matchRules"]:
                matched = path if match.get("fullPathMatch") == path else match.get("prefixMatch", "\0")
                if path.startswith(matched):
                    return rule, _rewritten(rule, path, matched)
        return {"service": matcher["defaultService"]}, path
    return {"service": url_map["defaultService"]}, path


def _rewritten(rule: Rule, path: str, matched: str) -> str:
    prefix = rule.get("routeAction", {}).get("urlRewrite", {}).get("pathPrefixRewrite")
    return path if prefix is None else prefix + path.removeprefix(matched)


@contextlib.contextmanager
def balancer(url_map: dict[str, Any], services: Mapping[str, str]) -> Iterator[str]:
    """Its address, which stands for the host of the map. `services`: the address of each service, by its last word."""
    (host,) = url_map["hostRules"][0]["hosts"]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            parts = urlsplit(self.path)
            rule, path = route(url_map, host, parts.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            target = urlsplit(services[rule["service"].rpartition("/")[2]])
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            forwarded = [
                self.headers.get("X-Forwarded-For"),
                self.headers.get("X-Test-Client", "192.0.2.1"),
                OWN_ADDRESS,
            ]
            headers["X-Forwarded-For"] = ", ".join(filter(None, forwarded))
            connection.request(self.command, f"{path}?{parts.query}" if parts.query else path, body, headers)
            answer = connection.getresponse()
            self._pass_on(answer, answer.read())
            connection.close()

        def _pass_on(self, answer: http.client.HTTPResponse, content: bytes) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.serve()

        def do_POST(self) -> None:
            self.serve()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
