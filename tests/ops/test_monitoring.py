"""ops/monitoring: every metric reads a field that log lines have; dashboard and alerts read those, or Google's own."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from common import logs
from tests.support.factories import make_popup, make_shop
from tests.support.stack import ROOT, Database, FunctionProcess

FOLDER = ROOT / "ops/monitoring"
METRICS = sorted((FOLDER / "metrics").glob("*.json"))
ALERTS = sorted((FOLDER / "alerts").glob("*.json"))
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

# Google's own metrics that alerts read, with the labels of theirs and of their resources that we use.
PLATFORM = {
    "run_googleapis_com:request_count": {"monitored_resource", "service_name", "response_code_class"},
    "monitoring_googleapis_com:uptime_check_check_passed": {"monitored_resource", "host", "check_id"},
}
# What Cloud Run itself logs of a request for which it had no instance (Google's "Troubleshoot Cloud Run issues").
REFUSED_BY_PLATFORM = {
    "httpRequest": {"status": 429},
    "resource": {"labels": {"service_name": "shop-notes"}},
    "textPayload": "The request was aborted because there was no available instance.",
}

Entry = dict[str, Any]
Start = Callable[..., FunctionProcess]


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def as_entry(line: dict[str, Any]) -> Entry:
    """Return the LogEntry that Cloud Logging makes of a line: some fields are its own, the rest is its payload."""
    line = dict(line)
    own = {"httpRequest": line.pop("httpRequest", None), "labels": line.pop(logs.LABELS, None)}
    own |= {"severity": line.pop("severity"), "trace": line.pop(logs.TRACE, None)}
    return {**own, "jsonPayload": line}


def value_at(entry: Entry, path: str) -> Any:
    value: Any = entry
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def paths_in(filter_text: str) -> set[str]:
    return set(
        re.findall(
            r"(?<![.\w])(?:(?:jsonPayload|httpRequest|labels|resource\.labels)(?:\.\w+)+|textPayload)", filter_text
        )
    )


def extracted(expression: str) -> str:
    found = re.fullmatch(r"EXTRACT\(([\w.]+)\)", expression)
    assert found, expression
    return found[1]


@pytest.fixture(scope="module")
def entries(stack: Any, database: Database) -> Iterator[list[Entry]]:
    """Yield the log entries of two functions about requests of every kind."""
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    content = stack.start_function("get_active_popups", RATE_LIMIT_DEFAULT="2", TRUSTED_PROXIES="1")
    notes = stack.start_function("track_view")
    for _ in range(4):
        headers = {"X-Forwarded-For": "192.0.2.77"}
        requests.get(content.url, params={"shop_id": shop.id}, headers=headers, timeout=10)
    event = {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "visit"}
    requests.post(notes.url, json=event, timeout=10)
    requests.post(notes.url, json=event, headers={"User-Agent": GOOGLEBOT}, timeout=10)
    trace = {"traceparent": f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"}
    for function in (content, notes):
        requests.get(f"{function.url}/_ready", headers=trace, timeout=10)
    lines = [line for function in (content, notes) for line in function.log_lines()]
    yield [*(as_entry(line) for line in lines), REFUSED_BY_PLATFORM]
    content.stop()
    notes.stop()


@pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)
def test_a_metric_reads_fields_that_log_lines_have(path: Path, entries: list[Entry]) -> None:
    metric = read(path)
    assert metric["name"] == path.stem
    wanted = paths_in(metric["filter"]) | {extracted(each) for each in metric["labelExtractors"].values()}
    if "valueExtractor" in metric:
        wanted.add(extracted(metric["valueExtractor"]))
    matching = [entry for entry in entries if all(value_at(entry, each) is not None for each in wanted)]
    assert matching, f"no log line has all of {sorted(wanted)}"
    if "valueExtractor" in metric:
        values = [value_at(entry, extracted(metric["valueExtractor"])) for entry in matching]
        assert all(isinstance(value, int | float) for value in values)
    assert {label["key"] for label in metric["metricDescriptor"]["labels"]} == set(metric["labelExtractors"])


def test_every_verdict_that_an_alert_asks_for_is_one_that_is_logged(entries: list[Entry]) -> None:
    assert {"passed", "refused"} <= {value_at(entry, "jsonPayload.limit") for entry in entries}
    assert {"MISS", "HIT"} <= {value_at(entry, "jsonPayload.cache") for entry in entries}


def test_what_the_schema_is_like_is_logged_by_ready(entries: list[Entry], database: Database) -> None:
    migration = database.value("SELECT max(version) FROM schema_migrations")
    schemas = [value_at(entry, "jsonPayload.schema") for entry in entries if value_at(entry, "jsonPayload.schema")]
    assert {schema["migration"] for schema in schemas} == {migration}
    assert all(0 < schema["connections"] < schema["max_connections"] for schema in schemas)
    months = database.value(
        "SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'popup_views'::regclass AND relname ~ '\\d{4}_\\d{2}$'"
        " AND right(relname, 7) > to_char(now(), 'YYYY_MM')"
    )
    assert {schema["months_ahead"] for schema in schemas} == {months}
    assert all(0 <= schema["rows_in_default"] <= 2000 for schema in schemas)


def queries() -> dict[str, str]:
    charts = read(FOLDER / "dashboard.json")["gridLayout"]["widgets"]
    found = {
        f"{chart['title']} {number}": data["timeSeriesQuery"]["prometheusQuery"]
        for chart in charts
        for number, data in enumerate(chart["xyChart"]["dataSets"])
    }
    for path in ALERTS:
        found[path.stem] = condition_of(path)["query"]
    return found


def test_dashboard_and_alerts_read_metrics_that_there_are_with_labels_that_they_have() -> None:
    of_the_resource = {"monitored_resource", "service_name"}
    known = {path.stem: set(read(path)["labelExtractors"]) | of_the_resource for path in METRICS}
    distributions = {path.stem for path in METRICS if "valueExtractor" in read(path)}
    used = set()
    for title, query in queries().items():
        assert query.count("(") == query.count(")"), title
        for name, suffix, selector in re.findall(r"user_(\w+?)(_bucket|_sum|_count)?\{([^}]*)\}", query):
            assert bool(suffix) == (name in distributions), (title, name)
            assert set(re.findall(r"(\w+)=", selector)) <= known[name], (title, name)
            used.add(name)
        for name, selector in re.findall(r"(\w+_googleapis_com:(?!user_)\w+)\{([^}]*\})", query):
            assert set(re.findall(r"(\w+)=", selector)) <= PLATFORM[name], (title, name)
        for names in re.findall(r"by \(([^)]*)\)", query):
            assert set(names.split(", ")) <= {"le", "function", "service_name", "host", "check_id"}, title
    assert used == set(known)


def condition_of(path: Path) -> dict[str, Any]:
    (condition,) = read(path)["conditions"]
    query: dict[str, Any] = condition["conditionPrometheusQueryLanguage"]
    return query


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_an_alert_may_come_before_the_first_value_of_its_metric(path: Path) -> None:
    """Metrics are made seconds before, and Monitoring would refuse a query of what it does not know yet."""
    assert condition_of(path)["disableMetricValidation"] is True


@pytest.mark.parametrize("name", ["errors", "slow", "cache", "limits", "pool_waiting", "platform_errors"])
def test_a_share_alone_alarms_nobody_without_a_number_of_requests(name: str) -> None:
    query = condition_of(FOLDER / f"alerts/{name}.json")["query"]
    number = re.fullmatch(
        r"\(.+\) and on \((\w+)\) \(sum by \(\1\) \((?:increase|rate)\([^[]+\[\d+m\]\)\) > \d+\)", query
    )
    assert number, query


def test_an_outage_of_everything_is_seen_from_outside() -> None:
    read_by_alerts = {name for path in ALERTS for name in PLATFORM if name in condition_of(path)["query"]}
    assert read_by_alerts == set(PLATFORM)


def test_the_time_that_alarms_is_a_bound_of_the_buckets() -> None:
    """Between bounds a quantile is guessed: 160 ms would be read as 200 and more."""
    (seconds,) = re.findall(r"> (0\.\d+)\)", condition_of(FOLDER / "alerts/slow.json")["query"])
    buckets = read(FOLDER / "metrics/popups_request_seconds.json")["bucketOptions"]["explicitBuckets"]["bounds"]
    assert float(seconds) in buckets
    assert buckets == sorted(buckets)


@pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)
def test_a_distribution_has_no_more_buckets_than_anybody_reads(path: Path) -> None:
    for kind, options in read(path).get("bucketOptions", {}).items():
        assert (len(options["bounds"]) if kind == "explicitBuckets" else options["numFiniteBuckets"]) <= 100


def test_every_alert_has_its_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text()
    for path in ALERTS:
        title = read(path)["displayName"].removeprefix("popups: ")
        assert f"### {title}\n" in runbook.lower(), title
