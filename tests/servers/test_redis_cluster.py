"""The cache and the limits on a Redis Cluster, a node of which is lost; and behind TLS and a password."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import redis
import requests
from redis.crc import key_slot

from common.cache import _changes
from common.process import breaker
from common.redis import _nodes
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.proxy import Proxy
from tests.support.redis_kinds import Cluster, ClusterNode, running_behind_tls, running_cluster, slots_of
from tests.support.stack import PATIENT, Database, FunctionProcess, Stack, eventually, temporary_folder

QUOTA = 100
KINDS = ("cluster", "tls")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with temporary_folder() as folder, running_cluster(folder) as running:
        yield running


@pytest.fixture(scope="module")
def tls_url() -> Iterator[str]:
    with temporary_folder() as folder, running_behind_tls(folder) as url:
        yield url


@dataclass
class Instances:
    """Functions on one kind of Redis; get_active_popups twice."""

    readers: list[FunctionProcess]
    manage_popups: FunctionProcess
    track_view: FunctionProcess
    stats: FunctionProcess


@pytest.fixture(scope="module", params=KINDS)
def instances(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Instances]:
    is_cluster = request.param == "cluster"
    url = request.getfixturevalue("cluster").url + PATIENT if is_cluster else request.getfixturevalue("tls_url")
    started: list[FunctionProcess] = []

    def start(name: str, **env: str) -> FunctionProcess:
        started.append(stack.start_function(name, REDIS_URL=url, **env))
        return started[-1]

    limited = {"RATE_LIMIT_DEFAULT": str(QUOTA), "TRUSTED_PROXIES": "1"}
    readers = [start("get_active_popups", **limited) for _ in range(2)]
    yield Instances(readers, start("manage_popups"), start("track_view"), start("stats"))
    for function in started:
        function.stop()


_clients = iter(f"203.0.{n // 250}.{n % 250 + 1}" for n in range(50_000))


def read(function: FunctionProcess, shop_id: str, client: str | None = None) -> requests.Response:
    headers = {"X-Forwarded-For": client or next(_clients)}
    return requests.get(function.url, params={"shop_id": shop_id}, headers=headers, timeout=30)


def headings(response: requests.Response) -> list[str]:
    return [popup["design"]["heading"] for popup in response.json()["popups"]]


class TestEveryKind:
    def test_readiness_says_ok(self, instances: Instances) -> None:
        for function in (*instances.readers, instances.stats):
            assert requests.get(f"{function.url}/_ready", timeout=30).json()["cache"] == "ok"

    def test_what_one_instance_has_loaded_is_a_hit_for_the_other(
        self, instances: Instances, database: Database
    ) -> None:
        for reader in instances.readers:  # the first request connects, and may have no time left to store
            read(reader, make_shop(database).id)
        shops = [make_shop(database).id for _ in range(20)]
        verdicts = [[read(reader, shop).headers["X-Cache"] for reader in instances.readers] for shop in shops]
        assert verdicts == [["MISS", "HIT"]] * 20

    def test_an_edit_shows_everywhere(self, instances: Instances, database: Database, shop: Shop) -> None:
        popup_id = make_popup(database, shop, design={"heading": "old"})
        assert [headings(read(reader, shop.id)) for reader in instances.readers] == [["old"]] * 2
        url, change = f"{instances.manage_popups.url}/popups/{popup_id}", {"design": {"heading": "new"}}
        assert requests.patch(url, json=change, headers=shop.writer, timeout=30).status_code == 200
        for reader in instances.readers:
            eventually(lambda reader=reader: headings(read(reader, shop.id)) == ["new"], seconds=3)

    def test_an_event_shows_in_the_reports(self, instances: Instances, database: Database, shop: Shop) -> None:
        popup_id = make_popup(database, shop)

        def look(path: str) -> requests.Response:
            return requests.get(f"{instances.stats.url}/{path}", headers=shop.reader, timeout=30)

        paths = (f"popups/{popup_id}", "shop")
        assert [look(path).json()["views"] for path in paths] == [0, 0]
        assert requests.post(instances.track_view.url, json=view(popup_id), timeout=30).status_code == 202
        for path in paths:
            eventually(lambda path=path: look(path).json()["views"] == 1, seconds=3)

    def test_a_limit_is_one_for_all_instances(self, instances: Instances, shop: Shop) -> None:
        client = next(_clients)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(read, instances.readers[n % 2], shop.id, client) for n in range(QUOTA + 40)]
            answers = [each.result() for each in asked]
        counted = Counter(answer.status_code for answer in answers)
        assert counted.keys() == {200, 429}
        assert QUOTA <= counted[200] <= 1.1 * QUOTA


def waits(function: FunctionProcess, answers: list[requests.Response]) -> list[float]:
    """How long each of these requests waited for Redis, in their order."""
    lines = [line for line in function.log_lines() if "httpRequest" in line]
    about = {line["logging.googleapis.com/labels"]["request_id"]: line for line in lines}
    return [about[answer.headers["X-Request-Id"]].get("waited_seconds", {}).get("redis", 0.0) for answer in answers]


@pytest.fixture(scope="module")
def readers(stack: Stack, cluster: Cluster) -> list[FunctionProcess]:
    """With the timeouts of production, for what is to happen when a node does not answer."""
    return [stack.start_function("get_active_popups", REDIS_URL=cluster.url) for _ in range(2)]


@pytest.fixture(scope="module")
def patient_readers(stack: Stack, cluster: Cluster) -> list[FunctionProcess]:
    """For what is to happen when every node answers, however busy the machine is."""
    return [stack.start_function("get_active_popups", REDIS_URL=cluster.url + PATIENT) for _ in range(2)]


class TestCluster:
    """Last in the module: it loses nodes on the way."""

    @pytest.fixture
    def shops(self, database: Database) -> list[str]:
        return [make_shop(database).id for _ in range(24)]

    def test_shops_are_spread_over_the_nodes(
        self, cluster: Cluster, patient_readers: list[FunctionProcess], shops: list[str]
    ) -> None:
        for shop in shops:
            read(patient_readers[0], shop)
        homes = Counter(self.node_of(cluster, shop).server.port for shop in shops)
        assert len(homes) == len(cluster.nodes)
        for shop in shops:
            assert self.node_of(cluster, shop).client.exists(f"active-popups:{shop}")

    @pytest.mark.alone  # a node that answers later than a shopper would wait makes a STALE of a HIT
    def test_a_request_makes_one_round_trip_once_the_layout_is_known(
        self, cluster: Cluster, patient_readers: list[FunctionProcess], shops: list[str]
    ) -> None:
        for shop in shops:  # every node is connected to
            for reader in patient_readers:
                read(reader, shop)
        cluster.owner("changes").client.delete("changes")  # or memory would do
        time.sleep(1.6)
        for node in cluster.nodes:
            node.proxy.reset()
        started = time.monotonic()
        assert {read(patient_readers[0], shop).headers["X-Cache"] for shop in shops} == {"HIT"}
        log_reads = 1 + int((time.monotonic() - started) / _changes.KNOWN_SECONDS)
        made = sum(node.proxy.round_trips for node in cluster.nodes)
        assert len(shops) < made <= len(shops) + log_reads

    @pytest.mark.alone
    def test_a_slot_on_its_way_to_another_node_is_followed(
        self, cluster: Cluster, patient_readers: list[FunctionProcess], database: Database
    ) -> None:
        shop = make_shop(database).id
        source = self.node_of(cluster, shop)
        target = next(node for node in cluster.nodes if node is not source)
        slot = key_slot(f"active-popups:{shop}".encode())
        target.client.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
        source.client.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", target.id)
        try:
            assert [read(reader, shop).headers["X-Cache"] for reader in patient_readers] == ["MISS", "HIT"]
            assert slot in {key_slot(key) for key in target.client.scan_iter()}
        finally:
            for node in (source, target):
                node.client.execute_command("CLUSTER SETSLOT", slot, "STABLE")

    @pytest.mark.alone
    @pytest.mark.parametrize("fault", [Proxy.refuse, Proxy.black_hole], ids=["refused", "black-holed"])
    def test_a_node_out_of_reach_costs_one_request_a_second_and_others_nothing(
        self,
        cluster: Cluster,
        readers: list[FunctionProcess],
        shops: list[str],
        fault: Callable[[Proxy], None],
    ) -> None:
        lost = cluster.nodes[2]
        fault(lost.proxy)
        try:
            started = time.monotonic()
            first = [read(readers[0], shop) for shop in shops]
            second = [read(readers[1], shop) for shop in shops]
            seconds = time.monotonic() - started
        finally:
            lost.proxy.heal()
        assert {answer.status_code for answer in first + second} == {200}
        hits = [shop for shop, answer in zip(shops, second, strict=True) if answer.headers["X-Cache"] == "HIT"]
        living = [shop for shop in shops if self.node_of(cluster, shop) is not lost]
        assert set(hits) <= set(living)
        # All of them, but for a node that a busy machine keeps from answering in time.
        assert len(hits) >= len(living) / 2
        waited = waits(readers[0], first) + waits(readers[1], second)
        assert max(waited) < 0.2 + 0.3
        tries = sum(1 for each in waited if each > _nodes.CONNECT_TIMEOUT_SECONDS)
        assert tries <= 2 * (1 + seconds / breaker.PAUSE_SECONDS)
        there = next(shop for shop in shops if self.node_of(cluster, shop) is lost)
        eventually(lambda: [read(reader, there).headers["X-Cache"] for reader in readers] == ["HIT", "HIT"])

    def test_a_lost_nodes_slots_are_found_where_they_went(
        self, cluster: Cluster, readers: list[FunctionProcess], shops: list[str], database: Database
    ) -> None:
        lost, heir = cluster.nodes[2], cluster.nodes[0]
        lost.server.kill()
        lost.proxy.refuse()
        assert {read(reader, shop).status_code for shop in shops for reader in readers} == {200}
        eventually(lambda: readers[0].state_of("cache") == "down")
        cluster.hand_over(slots_of(2, 3), heir)

        def moved_shop_is_shared() -> bool:
            shop = next(id_ for id_ in iter(lambda: make_shop(database).id, "") if self.node_of(cluster, id_) is lost)
            return [read(reader, shop).headers["X-Cache"] for reader in readers] == ["MISS", "HIT"]

        eventually(moved_shop_is_shared, seconds=10)
        eventually(lambda: readers[0].state_of("cache") == "ok")

    def test_a_cluster_that_is_down_as_a_whole_fails_no_request(
        self, cluster: Cluster, readers: list[FunctionProcess], shops: list[str]
    ) -> None:
        for node in cluster.nodes[:2]:
            node.client.config_set("cluster-require-full-coverage", "yes")
        cluster.nodes[0].client.execute_command("CLUSTER DELSLOTS", 0)
        eventually(lambda: self.is_down(cluster.nodes[0]))
        assert {read(reader, shop).status_code for shop in shops for reader in readers} == {200}
        eventually(lambda: readers[0].state_of("cache") == "down")

    def node_of(self, cluster: Cluster, shop_id: str) -> ClusterNode:
        return cluster.owner(f"active-popups:{shop_id}")

    def is_down(self, node: ClusterNode) -> bool:
        try:
            node.client.get("any")
        except redis.ResponseError as error:
            return "CLUSTERDOWN" in str(error) or "down" in str(error).lower()
        return False


def test_a_certificate_of_an_unknown_authority_is_not_trusted_and_fails_no_request(
    stack: Stack, tls_url: str, shop: Shop
) -> None:
    reader = stack.start_function("get_active_popups", REDIS_URL=tls_url.partition("?")[0])
    try:
        assert read(reader, shop.id).status_code == 200
        assert requests.get(f"{reader.url}/_ready", timeout=30).json()["cache"] == "down"
    finally:
        reader.stop()
