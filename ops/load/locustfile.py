"""Locust's part: sends each request when it is due, whether or not earlier ones were answered (an open model).

Locust's own waiting is a closed model: a user that waits for a slow answer sends nothing meanwhile, and the slowness
hides itself (coordinated omission). Here one user spawns a greenlet for each request, and latency counts from the time
the request was due. `ops.load` starts this file; its environment says which scenario and world.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events, task

from ops.load.scenarios import SCENARIOS
from ops.load.shopper import Mix, Sent
from ops.load.world import read_world

FOLDER = Path(os.environ["LOAD_FOLDER"])
SECONDS_FOR_ANSWERS = 15
SECONDS_A_WINDOW = 5
NEVER = f"no answer within {SECONDS_FOR_ANSWERS} s of the end"

scenario = SCENARIOS[os.environ["LOAD_SCENARIO"]].lasting(int(os.environ["LOAD_SECONDS"]))
reads = {"HIT": 0, "STALE": 0, "MISS": 0}
problems: dict[str, int] = {}
windows: dict[int, list[float]] = {}
failures: dict[int, int] = {}


class Arrivals(FastHttpUser):
    """The source of all requests."""

    host = read_world(FOLDER / "world.json").urls["get_active_popups"]  # for the report; every request has a whole URL
    concurrency = 2000
    connection_timeout = network_timeout = 10

    def on_start(self) -> None:
        self.mix = Mix(read_world(FOLDER / "world.json"), random.Random(os.environ["LOAD_SEED"]))
        self.acknowledged = (FOLDER / "acknowledged.txt").open("w")

    @task
    def send_all(self) -> None:
        started = time.perf_counter()
        sending = gevent.pool.Group()
        for due in scenario.due_times():
            if (ahead := started + due - time.perf_counter()) > 0:
                gevent.sleep(ahead)
            if broke(due):
                break
            sending.spawn(self.send, started + due, due)
        sending.join(timeout=SECONDS_FOR_ANSWERS)
        if unanswered := len(sending):
            problems[NEVER] = unanswered
            sending.kill()
        self.acknowledged.close()
        self.environment.runner.quit()

    def send(self, due_at: float, due: float) -> None:
        sent = self.mix.draw()
        with self.client.request(
            sent.method, sent.url, name=sent.name, headers=sent.headers, data=sent.body, catch_response=True
        ) as answer:
            milliseconds = 1000 * (time.perf_counter() - due_at)
            answer.request_meta["response_time"] = milliseconds
            window = int(due / SECONDS_A_WINDOW)
            windows.setdefault(window, []).append(milliseconds)
            if answer.status_code in (200, 201, 202, 304):
                answer.success()
                self.note(sent, answer)
            else:
                failures[window] = failures.get(window, 0) + 1
                code = code_of(answer)
                problems[code] = problems.get(code, 0) + 1
                answer.failure(code)

    def note(self, sent: Sent, answer: Any) -> None:
        """Remember what the answer promised: its events are stored; and what it was answered from."""
        for event_id in sent.events:
            self.acknowledged.write(f"{sent.table} {event_id}\n")
        if sent.name == "get_active_popups":
            reads[answer.headers.get("X-Cache", "MISS")] += 1
            if etag := answer.headers.get("ETag"):
                self.mix.etags[sent.url.rpartition("=")[2]] = etag


def broke(due: float) -> bool:
    """Tell whether `stress` has found its end: two windows in a row with slow or failed answers."""
    if scenario.name != "stress":
        return False
    window = int(due / SECONDS_A_WINDOW)
    return all(is_bad(each) for each in (window - 3, window - 2)) if window >= 3 else False


def is_bad(window: int) -> bool:
    taken = sorted(windows.get(window, []))
    return bool(taken) and (taken[int(len(taken) * 0.95)] > 200 or failures.get(window, 0) > len(taken) / 1000)


def code_of(answer: Any) -> str:
    try:
        return f"{answer.status_code} {answer.json()['code']}"
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(answer.status_code or f"no answer: {type(answer.error).__name__}")


def write_results(environment: Any, **_: Any) -> None:
    total, unanswered = environment.stats.total, problems.get(NEVER, 0)
    result = {
        "requests": total.num_requests + unanswered,
        "failures": total.num_failures + unanswered,
        "p95_ms": total.get_response_time_percentile(0.95),
        "seconds": max(windows, default=0) * SECONDS_A_WINDOW + SECONDS_A_WINDOW,
        "reads": reads,
        "problems": problems,
        "bad_windows": [window * SECONDS_A_WINDOW for window in sorted(windows) if is_bad(window)],
    }
    (FOLDER / "result.json").write_text(json.dumps(result))
    environment.process_exit_code = 0  # ops.load judges


events.quitting.add_listener(write_results)  # type: ignore[no-untyped-call]
