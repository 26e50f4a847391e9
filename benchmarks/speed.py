"""Measure each function by itself: its speed, memory and start, beside no-ops and the peer."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from statistics import median

import requests

from benchmarks.fixed_rate import post, run_at_rate
from benchmarks.load import Round, Target, run_wrk
from benchmarks.report import AIO, FLASK, PEER, PLAIN_INSERT, compare, table
from benchmarks.run import Run
from benchmarks.servers import Bench
from benchmarks.shop import SHOWN, SPREAD, view_body
from cli.progress import progress
from common.ids import new_id

EVENTS_FOR_MEMORY = 200_000
EVENTS_A_REQUEST = 20
STEADY_PER_SECOND = 500
STEADY_FOR_ROUNDS = 10
WARM_UP_SECONDS = 2


def each_function(run: Run) -> str:
    """Measure one call of every function beside both no-ops."""
    shop = run.shops[SHOWN]
    key = {"Authorization": f"Bearer {shop.key}"}
    popup = f"popups/{shop.popup_ids[0]}"
    return _alternate(
        run,
        *_noops(run),
        Target("get_active_popups: whole answer", f"{run.url('get_active_popups')}/?shop_id={shop.id}"),
        _views(run, "track_view: 1 view a request", shop.popup_ids[:1]),
        _clicks(run, shop.popup_ids[:1]),
        Target("manage_popups: one popup", f"{run.url('manage_popups')}/{popup}", headers=key),
        Target("stats: report of one popup", f"{run.url('stats')}/{popup}", headers=key),
    )


def reads(run: Run) -> str:
    """Measure get_active_popups from the cache, beside the peer: whole answers, compressed ones and 304s."""
    url = f"{run.url('get_active_popups')}/?shop_id={SHOWN}"
    answer = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)
    known = {"If-None-Match": answer.headers["ETag"]}
    peer_url = f"{run.peer_url('peer_reads')}/?shop_id={SHOWN}"
    known_to_peer = {"If-None-Match": requests.get(peer_url, timeout=10).headers["ETag"]}
    return f"The answer has {len(answer.content):,} bytes.\n\n" + _alternate(
        run,
        *_noops(run),
        Target(f"{PEER}: whole answer", peer_url),
        Target(f"{PEER}: 304", peer_url, headers=known_to_peer),
        Target("get_active_popups: whole answer", url, peer=f"{PEER}: whole answer"),
        Target("get_active_popups: whole answer, gzip", url, headers={"Accept-Encoding": "gzip"}),
        Target("get_active_popups: 304", url, headers=known, peer=f"{PEER}: 304"),
    )


def views(run: Run) -> str:
    """Measure track_view by views per request and by popups, beside one commit per view and beside the peer."""
    hot, spread = run.shops[SHOWN].popup_ids[:1], run.shops[SPREAD].popup_ids
    plain = [
        _views(run, PLAIN_INSERT, hot, function="plain_insert"),
        _views(run, "track_view without group commit: a commit a view", hot, function="one_by_one"),
    ]
    beside_peer = [
        target
        for events, list_ in ((1, "1 view a request"), (EVENTS_A_REQUEST, f"{EVENTS_A_REQUEST} views a request"))
        for popup_ids, where in ((hot, "one hot popup"), (spread, "100 popups"))
        for target in _views_beside_peer(run, f"{list_}, {where}", popup_ids, events)
    ]
    return _alternate(run, *_noops(run, "views", hot), *plain, *beside_peer)


def conversions(run: Run) -> str:
    """Measure track_conversion with one click or one e-mail per request, beside the peer."""
    hot, spread = run.shops[SHOWN].popup_ids[:1], run.shops[SPREAD].popup_ids
    kinds = (
        ("clicks", hot, "a click a request, one hot popup"),
        ("clicks", spread, "a click a request, 100 popups"),
        ("emails", spread, "an e-mail a request, 100 popups"),
    )
    targets = [target for kind in kinds for target in _conversions_beside_peer(run, *kind)]
    return _alternate(run, *_noops(run, "clicks", hot), *targets)


def steady(run: Run) -> str:
    """Measure the latency of track_view at a fixed rate, beside both no-ops, a plain INSERT and the peer."""
    popup_id = run.shops[SHOWN].popup_ids[0]
    urls = {
        FLASK: run.url("hello_flask"),
        AIO: run.url("hello_aio"),
        PLAIN_INSERT: run.url("plain_insert"),
        f"{PEER}: 1 view a request": run.peer_url("peer_views"),
        "track_view: 1 view a request": run.url("track_view"),
    }
    seconds = max(1, STEADY_FOR_ROUNDS * run.seconds // run.rounds)
    rounds: dict[str, list[Round]] = {name: [] for name in urls}

    def send(name: str, seconds: int) -> Round:
        bodies = [view_body(popup_id, str(new_id())) for _ in range(STEADY_PER_SECOND * seconds)]
        return run_at_rate([post(urls[name], body) for body in bodies], STEADY_PER_SECOND)

    for name in urls:
        send(name, WARM_UP_SECONDS)
    with progress([name for _ in range(run.rounds) for name in urls], "Measuring") as measured:
        for name in measured:
            rounds[name].append(send(name, seconds))
    about = f"{STEADY_PER_SECOND} requests a second, {run.rounds} alternating rounds of {seconds} s each."
    columns = ("", "requests", "p50 ms", "p99 ms", "highest p99 ms", f"p99 of {FLASK}", f"p99 of {AIO}", "errors")
    return f"{about}\n\n" + table(columns, [_steady_row(name, rounds) for name in urls])


def _steady_row(name: str, rounds: dict[str, list[Round]]) -> tuple[object, ...]:
    own = rounds[name]
    p99 = {name: [each.p99_ms for each in rounds_of_it] for name, rounds_of_it in rounds.items()}
    return (
        name,
        sum(each.requests for each in own),
        f"{median(each.p50_ms for each in own):.1f}",
        f"{median(p99[name]):.1f}",
        f"{max(p99[name]):.1f}",
        *(f"{median(_each_over(p99[name], p99[noop])):.2f}" for noop in (FLASK, AIO)),
        sum(each.errors for each in own),
    )


def memory(run: Run) -> str:
    """Measure the memory of track_view after each quarter of EVENTS_FOR_MEMORY."""
    server = run.bench.start("track_view")
    target = _views(run, "track_view", run.shops[SHOWN].popup_ids[:1], events=EVENTS_A_REQUEST, url=server.url)
    rows = [_memory_row(0, server.memory_mib())]
    try:
        events = 0
        for quarter in range(1, 5):
            while events < EVENTS_FOR_MEMORY * quarter / 4:
                done = run_wrk(target, run.seconds)
                events += done.answered * EVENTS_A_REQUEST
            rows.append(_memory_row(events, server.memory_mib()))
    finally:
        server.child.stop()
    return table(("events", "worker, resident MiB", "worker and master, PSS MiB"), rows)


def start(run: Run) -> str:
    """Measure the time from process start to the first answer."""
    url = f"/?shop_id={SHOWN}"
    requests.get(run.url("get_active_popups") + url, timeout=10).raise_for_status()
    requests.get(run.peer_url("peer_reads") + url, timeout=10).raise_for_status()
    started = {FLASK: "hello_flask", AIO: "hello_aio", PEER: "peer_reads", "get_active_popups": "get_active_popups"}
    took: dict[str, list[float]] = {name: [] for name in started}
    with progress([name for _ in range(run.rounds) for name in started], "Starting") as starts:
        for name in starts:
            took[name].append(_seconds_to_first_answer(run.bench, started[name], url))
    rows = [
        (name, f"{1000 * median(seconds):,.0f}", f"{median(_each_over(seconds, took[AIO])):.2f}")
        for name, seconds in took.items()
    ]
    return f"Medians of {run.rounds} alternating starts.\n\n" + table(("", "ms", f"of {AIO}"), rows)


def _alternate(run: Run, *targets: Target) -> str:
    """Alternate the targets (A B C, A B C …), so that other load on the machine affects all of them equally."""
    rounds: dict[str, list[Round]] = {target.name: [] for target in targets}
    for target in targets:
        run_wrk(target, WARM_UP_SECONDS)
    with progress([target for _ in range(run.rounds) for target in targets], "Measuring") as measured:
        for target in measured:
            rounds[target.name].append(run_wrk(target, run.seconds))
    return compare(rounds, targets)


def _noops(run: Run, kind: str = "get", popup_ids: list[str] | None = None) -> list[Target]:
    functions = {FLASK: "hello_flask", AIO: "hello_aio"}
    return [Target(name, run.url(function), kind, popup_ids=popup_ids or []) for name, function in functions.items()]


def _views(
    run: Run, name: str, popup_ids: list[str], *, function: str = "track_view", events: int = 1, url: str = ""
) -> Target:
    return Target(name, url or run.url(function), "views", events, popup_ids, stored=partial(run.stored, "popup_views"))


def _views_beside_peer(run: Run, about: str, popup_ids: list[str], events: int) -> tuple[Target, Target]:
    name, stored = f"{PEER}: {about}", partial(run.stored_by_peer, "views")
    url = run.peer_url("peer_views")
    ours = _views(run, f"track_view: {about}", popup_ids, events=events)
    return Target(name, url, "views", events, popup_ids, stored=stored), replace(ours, peer=name)


def _conversions_beside_peer(run: Run, kind: str, popup_ids: list[str], about: str) -> tuple[Target, Target]:
    name, stored = f"{PEER}: {about}", partial(run.stored_by_peer, "conversions")
    peers = Target(name, run.peer_url("peer_conversions"), kind, 1, popup_ids, stored=stored)
    stored, url = partial(run.stored, "popup_conversions"), run.url("track_conversion")
    return peers, Target(f"track_conversion: {about}", url, kind, 1, popup_ids, stored=stored, peer=name)


def _clicks(run: Run, popup_ids: list[str]) -> Target:
    stored = partial(run.stored, "popup_conversions")
    return Target(
        "track_conversion: a click a request", run.url("track_conversion"), "clicks", 1, popup_ids, stored=stored
    )


def _memory_row(events: int, memory_mib: tuple[float, float]) -> tuple[str, ...]:
    return f"{events:,}", *(f"{mib:.0f}" for mib in memory_mib)


def _seconds_to_first_answer(bench: Bench, name: str, url: str) -> float:
    started = time.perf_counter()
    server = bench.start(name)
    requests.get(server.url + url, timeout=10).raise_for_status()
    took = time.perf_counter() - started
    server.child.stop()
    return took


def _each_over(own: list[float], others: list[float]) -> list[float]:
    return [mine / other for mine, other in zip(own, others, strict=True)]
