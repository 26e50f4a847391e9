"""A gcloud that reaches nothing: it writes down every call and answers from a state.

deploy.sh makes dozens of calls, so what it starts is a few lines of bash (bin/gcloud) that ask here.
"""

import contextlib
import hashlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class Refusal(Exception):
    """What gcloud says as it fails."""


class Gcloud:
    """`state` is what "exists", and what it is to be like.

    There, `failing` holds the beginnings of calls that shall fail, and `crashing` the services that never start.
    """

    def __init__(self, **state: Any) -> None:
        kinds: dict[str, Any] = {
            kind: {}
            for kind in (
                "services",
                "metrics",
                "dashboards",
                "policies",
                "uptime",
                "objects",
                "jobs",
                "schedules",
                "buckets",
            )
        }
        wishes = {"failing": [], "crashing": [], "account": "operator@example.com", "federated": False, "late": 0}
        kinds["compute"] = {}
        self.state: dict[str, Any] = {**kinds, **wishes, "accounts": [], **state}
        self.calls: list[list[str]] = []

    def __call__(self, arguments: list[str]) -> str:
        self.calls.append(arguments)
        call = Call(self.state, arguments)
        spoken = " ".join(call.words)
        if "add-iam-policy-binding" in spoken and self.state["late"] > 0:
            self.state["late"] -= 1
            raise Refusal("ERROR: (gcloud) INVALID_ARGUMENT: Service account does not exist.")
        if failing := next((start for start in self.state["failing"] if spoken.startswith(start)), None):
            raise Refusal(f"ERROR: (gcloud) {failing}: as the test wished")
        answer = next((answer for start, answer in ANSWERS.items() if spoken.startswith(start)), None)
        if answer is None:
            raise Refusal(f"the stand-in knows no {spoken}")
        return answer(call) or ""


class Call:
    """One call: its words, its flags, and what is there."""

    def __init__(self, state: dict[str, Any], arguments: list[str]) -> None:
        self.state = state
        self.words = [word for word in arguments if not word.startswith("--")]
        self.flags = dict(word[2:].partition("=")[::2] for word in arguments if word.startswith("--"))

    @property
    def wanted(self) -> str:
        """The value that a --filter asks for."""
        return self.flags["filter"].partition("=")[2].strip("'")

    @property
    def service(self) -> dict[str, Any]:
        try:
            return self.state["services"][self.words[3]]
        except KeyError:
            raise Refusal(f"Cannot find service [{self.words[3]}]") from None

    def configuration(self) -> dict[str, Any]:
        path = self.flags.get("config-from-file") or self.flags["policy-from-file"]
        return json.loads(Path(path).read_text())


def list_named(kind: str) -> Callable[[Call], str]:
    return lambda call: f"{call.wanted}\n" if call.wanted in call.state[kind] else ""


def deploy(call: Call) -> None:
    name, flags = call.words[2], call.flags
    service = call.state["services"].setdefault(name, {"revisions": {}, "traffic": [], "public": False})
    if "no-traffic" in flags and not service["traffic"]:
        raise Refusal("--no-traffic not supported when creating a new service.")
    revision = f"{name}-{len(service['revisions']) + 1:05}"
    service["revisions"][revision] = flags["labels"].removeprefix("release=")
    if "no-allow-unauthenticated" in flags:
        service["public"] = False
    if name in call.state["crashing"]:
        raise Refusal(f"ERROR: The user-provided container of {revision} failed to start")
    kept = [target for target in service["traffic"] if target.get("tag") != flags["tag"]]
    if "no-traffic" not in flags:
        kept = [{"percent": 100, "revision": revision}]
    service["traffic"] = [*kept, {"tag": flags["tag"], "revision": revision}]


def update_traffic(call: Call) -> None:
    tags = [target for target in call.service["traffic"] if "tag" in target]
    if "clear-tags" in call.flags:
        tags = []
    if "set-tags" in call.flags:
        tag, _, revision = call.flags["set-tags"].partition("=")
        tags = [{"tag": tag, "revision": revision}]
    revision = call.flags["to-revisions"].removesuffix("=100")
    call.service["traffic"] = [{"percent": 100, "revision": revision}, *tags]


def get_iam_policy(call: Call) -> str:
    return "allUsers\n" if call.service["public"] else ""


def set_public(public: bool) -> Callable[[Call], None]:
    return lambda call: call.service.update(public=public)


def create_account(call: Call) -> None:
    call.state["accounts"].append(f"{call.words[3]}@{call.flags['project']}.iam.gserviceaccount.com")


def access_secret(call: Call) -> str:
    return str(call.state["secrets"][f"{call.flags['secret']}:{call.words[3]}"])


def print_identity_token(call: Call) -> str:
    """As the real one: a service account's token must have its audience, and a user's cannot, nor a federated one's."""
    may = call.state["account"].endswith(".gserviceaccount.com") and not call.state["federated"]
    if ("audiences" in call.flags) != (may or "impersonate-service-account" in call.flags):
        raise Refusal("ERROR: (gcloud.auth.print-identity-token) Invalid account type for `--audiences`.")
    return f"a-token for {call.flags['audiences']}\n" if "audiences" in call.flags else "a-token\n"


def describe_service(call: Call) -> str:
    address, name = call.state["address"], call.words[3]
    if "flatten" not in call.flags:
        return f"{address}/{name}\n" if call.service else ""
    lines = ""
    for target in call.service["traffic"]:
        tag, revision = target.get("tag", ""), target["revision"]
        url = f"{address}/{tag}---{name}" if tag else ""
        lines += f"{target.get('percent', '')},{tag},{revision},{url}\n"
    return lines


def describe_revision(call: Call) -> str:
    services = call.state["services"].values()
    known = {name: release for service in services for name, release in service["revisions"].items()}
    return f"{known[call.words[3]]}\n"


def put(kind: str) -> Callable[[Call], None]:
    def store(call: Call) -> None:
        content = call.configuration()
        call.state[kind][content.get("displayName") or call.words[-1]] = content

    return store


def put_policy(call: Call) -> None:
    """Replace the whole alert policy by the file; what it lacks is gone, unless a flag says it."""
    flag = "set-notification-channels" if call.words[3] == "update" else "notification-channels"
    if call.flags.get(flag) == "":
        raise Refusal(f"ERROR: --{flag} is empty")
    content = call.configuration()
    channels = call.flags[flag].split(",") if flag in call.flags else []
    call.state["policies"][content["displayName"]] = {"notificationChannels": channels, **content}


def etag(call: Call) -> str:
    return hashlib.sha256(json.dumps(call.state["dashboards"][call.words[3]]).encode()).hexdigest()[:32]


def update_dashboard(call: Call) -> None:
    content = call.configuration()
    if content.pop("etag", None) != etag(call):
        raise Refusal("ERROR: (gcloud.monitoring.dashboards.update) ABORTED: the etag is not that of the dashboard")
    call.state["dashboards"][call.words[3]] = content


def compute(call: Call) -> str:
    """Whatever Compute Engine has, by kind and name, with the flags that it was made or changed with."""
    kind, verb, *name = call.words[1:]
    known = call.state["compute"].setdefault(kind, {})
    if verb == "list":
        return f"{call.wanted}\n" if call.wanted in known else ""
    if verb in ("create", "update"):
        if (verb == "create") == (name[0] in known):
            raise Refusal(f"ERROR: (gcloud.compute.{kind}.{verb}) {name[0]} exists, or does not")
        known[name[0]] = {**known.get(name[0], {}), **call.flags}
    elif verb == "delete":
        del known[name[0]]
    elif verb == "import":
        known[name[0]] = json.loads(Path(call.flags["source"]).read_text())
    elif verb == "add-backend":
        known[name[0]].setdefault("groups", []).append(call.flags["network-endpoint-group"])
    elif verb == "rules":
        known[call.flags["security-policy"]]["rules"] = {name[1]: call.flags}
    elif verb == "describe":
        return _described(kind, known[name[0]])
    return ""


def _described(kind: str, resource: dict[str, Any]) -> str:
    described = {
        "addresses": "203.0.113.7",
        "backend-services": ";".join(resource.get("groups", [])),
        "security-policies": ";".join([*resource.get("rules", {}), "2147483647"]),
    }
    return f"{described[kind]}\n"


def deploy_job(call: Call) -> None:
    call.state["jobs"][call.words[3]] = call.flags


def list_jobs(call: Call) -> str:
    job = call.state["jobs"].get(call.wanted)
    return f"{job['labels'].removeprefix('release=')}\n" if job else ""


def execute_job(call: Call) -> str:
    """Answer for a job without running it: `inside` says what `popups` would do, given its words."""
    words = json.loads(call.flags["args"].split("|")[-1])
    name = f"{call.words[3]}-{len(call.state.setdefault('executions', {})) + 1}"
    call.state["executions"][name] = call.state["inside"](words) if "inside" in call.state else "done"
    return f"{name}\n"


def describe_execution(call: Call) -> str:
    return ",1,\n" if call.state["executions"][call.words[4]] is None else "1,,\n"


def read_log(call: Call) -> str:
    (name,) = (name for name in call.state["executions"] if f'"{name}"' in call.words[2])
    return call.state["executions"][name] or "Error: as the test wished"


def schedule(call: Call) -> None:
    content = json.loads(Path(call.flags["message-body-from-file"]).read_text())
    call.state["schedules"][call.words[4]] = {**call.flags, "content": content}


def list_schedules(call: Call) -> str:
    name = call.flags["filter"].removeprefix("name~/").removesuffix("$")
    return f"{name}\n" if name in call.state["schedules"] else ""


def remove_schedule(call: Call) -> None:
    del call.state["schedules"][call.words[3]]


def remember_role(call: Call) -> None:
    """Who was given which role in what: the last word before the flags, and `policies` of it."""
    held = call.state.setdefault("roles", [])
    given = [call.words[-1], call.flags["member"], call.flags["role"]]
    if given not in held:
        held.append(given)


def create_uptime_check(call: Call) -> None:
    title = " ".join(call.words[3:])
    if title in call.state["uptime"]:
        raise Refusal("a second check of this title")
    labels = dict(pair.split("=") for pair in call.flags["resource-labels"].split(","))
    call.state["uptime"][title] = f"{labels['host']},{call.flags['path']}"


def list_uptime_checks(call: Call) -> str:
    host = call.state["uptime"].get(call.wanted)
    return f"{call.wanted},{host}\n" if host else ""


def delete_uptime_check(call: Call) -> None:
    del call.state["uptime"][call.words[3]]


def copy_file(call: Call) -> None:
    *sources, bucket = call.words[2:]
    for source in map(Path, sources):
        call.state["objects"][bucket + source.name] = source.read_text()


ANSWERS: dict[str, Callable[[Call], str | None]] = {
    "run services list": list_named("services"),
    "run services describe": describe_service,
    "run revisions describe": describe_revision,
    "run deploy": deploy,
    "run services update-traffic": update_traffic,
    "run services get-iam-policy": get_iam_policy,
    "run services add-iam-policy-binding": set_public(True),
    "run services remove-iam-policy-binding": set_public(False),
    "iam service-accounts list": list_named("accounts"),
    "iam service-accounts create": create_account,
    "iam service-accounts add-iam-policy-binding": remember_role,
    "projects add-iam-policy-binding": remember_role,
    "projects describe": lambda call: "123456789012\n",
    "services enable": lambda call: None,
    "secrets add-iam-policy-binding": remember_role,
    "secrets list": lambda call: "",
    "secrets create": lambda call: None,
    "compute networks subnets update": lambda call: None,
    "compute": compute,
    "run jobs list": list_jobs,
    "run jobs deploy": deploy_job,
    "run jobs get-iam-policy": lambda call: "",
    "run jobs add-iam-policy-binding": remember_role,
    "run jobs executions describe": describe_execution,
    "run jobs execute": execute_job,
    "logging read": read_log,
    "scheduler jobs list": list_schedules,
    "scheduler jobs create http": schedule,
    "scheduler jobs update http": schedule,
    "scheduler jobs delete": remove_schedule,
    "storage buckets list": list_named("buckets"),
    "storage buckets create": lambda call: call.state["buckets"].update({call.words[3].removeprefix("gs://"): {}}),
    "storage buckets add-iam-policy-binding": remember_role,
    "secrets versions access": access_secret,
    "auth list": lambda call: f"{call.state['account']}\n",
    "auth print-identity-token": print_identity_token,
    "storage buckets update": lambda call: None,
    "storage cp": copy_file,
    "logging metrics list": list_named("metrics"),
    "logging metrics create": put("metrics"),
    "logging metrics update": put("metrics"),
    "monitoring dashboards list": list_named("dashboards"),
    "monitoring dashboards create": put("dashboards"),
    "monitoring dashboards describe": lambda call: f"{etag(call)}\n",
    "monitoring dashboards update": update_dashboard,
    "monitoring uptime list-configs": list_uptime_checks,
    "monitoring uptime create": create_uptime_check,
    "monitoring uptime delete": delete_uptime_check,
    "alpha monitoring policies list": list_named("policies"),
    "alpha monitoring policies create": put_policy,
    "alpha monitoring policies update": put_policy,
}


class GcloudServer(socketserver.TCPServer):
    """Where bin/gcloud asks the `gcloud` of the test that runs now."""

    gcloud = Gcloud()


class _Answer(socketserver.StreamRequestHandler):
    """Strings that end with NUL: the number of words and the words come, exit status, output and error go."""

    server: GcloudServer

    def handle(self) -> None:
        words = [self._read_string() for _ in range(int(self._read_string()))]
        status, output, error = "0", "", ""
        try:
            output = self.server.gcloud(words)
        except Exception as refusal:
            status, error = "1", f"{refusal if isinstance(refusal, Refusal) else repr(refusal)}\n"
        self.wfile.write("".join(f"{part}\0" for part in (status, output, error)).encode())

    def _read_string(self) -> str:
        text = b""
        while not text.endswith(b"\0"):
            byte = self.rfile.read(1)
            if not byte:
                raise EOFError
            text += byte
        return text[:-1].decode()


@contextlib.contextmanager
def gcloud_server() -> Iterator[GcloudServer]:
    with GcloudServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
