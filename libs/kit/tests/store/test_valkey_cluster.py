"""A cluster of real nodes: commands find their shard, redirections are followed, and nothing else is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from lumbung_kit.embedded.valkey_cluster import SLOTS, ClusterNode, ValkeyCluster
from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.valkey import RedisScripts, ScriptClient, Valkey, connect, settings_of, translated_errors
from lumbung_kit.valkey_cluster import (
    ClusterValkey,
    LeanCluster,
    SlotMap,
    connect_lean,
    is_cluster,
    node_urls,
    slot_of,
)
from lumbung_kit.valkey_lean import LeanValkey

pytestmark = pytest.mark.store

ADD = (Path(__file__).parent / "scripts" / "add.lua").read_text()
TAGS = ("{a}", "{b}", "{c}", "{d}")
PATIENCE_S = 20.0

Open = Callable[[str], ScriptClient]


@pytest.fixture
def cluster(valkey_cluster: ValkeyCluster) -> Iterator[ValkeyCluster]:
    """The run's cluster, whole again afterwards."""
    yield valkey_cluster
    for node in valkey_cluster.nodes:
        if node.paused:
            node.resume()
    valkey_cluster.start()


@pytest.fixture
async def client(cluster: ValkeyCluster) -> AsyncIterator[Valkey]:
    """redis-py's commands on an empty cluster."""
    connected = connect(cluster.url)
    await connected.flushdb()
    yield connected
    await connected.aclose()


@pytest.fixture(params=["lean", "redis-py"])
async def open_scripts(request: pytest.FixtureRequest, client: Valkey) -> AsyncIterator[Open]:
    """`open_scripts(url)`: a client that calls scripts, of either kind."""
    async with AsyncExitStack() as stack:

        def open_one(url: str) -> ScriptClient:
            opened: Any = connect_lean(url) if request.param == "lean" else connect(url)
            stack.push_async_callback(opened.aclose)
            return opened if request.param == "lean" else RedisScripts(opened)

        yield open_one


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Returns when the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.02)


def map_of(scripts: ScriptClient) -> SlotMap:
    """What a client believes about the slots."""
    return scripts._slots if isinstance(scripts, LeanCluster) else scripts._client._slots  # type: ignore[attr-defined]


def other_than(cluster: ValkeyCluster, node: ClusterNode) -> ClusterNode:
    return next(each for each in cluster.primaries() if each is not node)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://:p@h:1/0", False),
        ("redis://:p@h:1/0?cluster=true", True),
        ("redis://:p@h:1,i:2/0", True),
        ("rediss://u:p@h:1/0?protocol=3", False),
    ],
)
def test_a_url_says_whether_it_is_a_clusters(url: str, told: bool) -> None:
    assert is_cluster(url) is told


def test_a_clusters_url_is_one_for_each_host() -> None:
    assert node_urls("rediss://u:p@h:1,i:2/0?cluster=true&protocol=3") == [
        "rediss://u:p@h:1/0?protocol=3",
        "rediss://u:p@i:2/0?protocol=3",
    ]


def test_a_single_server_gets_the_single_client(valkey_url: str) -> None:
    assert type(connect_lean("redis://h:1")) is LeanValkey
    assert not isinstance(connect("redis://h:1"), ClusterValkey)


@pytest.mark.parametrize(
    "command",
    [
        ("HGETALL", "{a}:x"),
        ("EVALSHA", "sha", 2, "{a}:x", "{a}:y", "argument"),
        ("XREAD", b"COUNT", 5, b"BLOCK", 100, b"STREAMS", "{a}:x", "0-0"),
        ("UNLINK", b"{a}:x", "{a}:y"),
    ],
)
def test_the_slot_is_that_of_the_first_key(command: tuple[Any, ...]) -> None:
    assert slot_of(command) == key_slot(b"a")


@pytest.mark.parametrize("command", [("PING",), ("CONFIG GET", "maxmemory"), ("XREAD", "COUNT", 5)])
def test_what_names_no_key_is_refused(command: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="names no key"):
        slot_of(command)


async def test_every_node_is_durable_and_drops_nothing(client: Valkey, cluster: ValkeyCluster) -> None:
    assert await settings_of(client, "appendonly") == {"yes"}
    assert await settings_of(client, "appendfsync") == {"always"}
    assert await settings_of(client, "maxmemory-policy") == {"noeviction"}
    cluster.nodes[-1].ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    try:
        assert await settings_of(client, "maxmemory-policy") == {"noeviction", "volatile-lru"}
    finally:
        cluster.nodes[-1].ask("CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_commands_find_the_shard_of_their_key(client: Valkey, cluster: ValkeyCluster) -> None:
    for tag in TAGS:
        await client.hset(f"{tag}:hash", "field", tag)
        await client.xadd(f"{tag}:stream", {"tag": tag})
    assert {tag: await client.hget(f"{tag}:hash", "field") for tag in TAGS} == {t: t.encode() for t in TAGS}
    assert [await client.xlen(f"{tag}:stream") for tag in TAGS] == [1] * len(TAGS)
    assert await client.xread({"{a}:stream": "0-0"}, count=1)
    assert len(await client.keys("*")) == 2 * len(TAGS)
    assert len({cluster.primary_of(key_slot(tag.strip("{}").encode())).port for tag in TAGS}) == 3
    await client.flushdb()
    assert await client.keys("*") == []


async def test_scripts_run_on_the_shard_of_their_keys(open_scripts: Open, cluster: ValkeyCluster) -> None:
    add = open_scripts(cluster.url).script(ADD)
    for tag in TAGS:
        assert await add([f"{tag}:counter"], [2]) == [2, b"ok"]
        assert await add([f"{tag}:counter"], [3]) == [5, b"ok"]
        assert await add.many([f"{tag}:counter"], [[1], [2]]) == [[6, b"ok"], [8, b"ok"]]


async def test_a_redirection_is_followed_and_remembered(
    open_scripts: Open, client: Valkey, cluster: ValkeyCluster
) -> None:
    scripts = open_scripts(cluster.url)
    add = scripts.script(ADD)
    assert await add(["{a}:counter"], [1]) == [1, b"ok"]
    right = cluster.primary_of(key_slot(b"a"))
    slots = map_of(scripts)
    slots._owners[key_slot(b"a")] = ("127.0.0.1", other_than(cluster, right).port)
    assert await add(["{a}:counter"], [1]) == [2, b"ok"]
    assert await slots.primary_of(key_slot(b"a")) == ("127.0.0.1", right.port)
    assert await client.hgetall("{a}:none") == {}


async def test_a_key_on_its_way_is_asked_for_where_it_goes(
    open_scripts: Open, client: Valkey, cluster: ValkeyCluster
) -> None:
    add = open_scripts(cluster.url).script(ADD)
    await add(["{a}:warm"], [1])
    slot = key_slot(b"a")
    source = cluster.primary_of(slot)
    target = other_than(cluster, source)
    await client.flushdb()
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))
    try:
        assert await add(["{a}:counter"], [4]) == [4, b"ok"]
        assert await add(["{a}:counter"], [1]) == [5, b"ok"]
        assert source.ask("DBSIZE") == 0
    finally:
        await client.flushdb()
        for node in (source, target):
            node.ask("CLUSTER", "SETSLOT", slot, "STABLE")


async def test_a_promoted_replica_is_found(open_scripts: Open, cluster: ValkeyCluster) -> None:
    add = open_scripts(cluster.url).script(ADD)
    assert await add(["{a}:counter"], [1]) == [1, b"ok"]
    lost = cluster.primary_of(key_slot(b"a"))
    follower = cluster.replica_of(lost)
    lost.kill()
    with pytest.raises(StoreUnavailable):
        await add(["{a}:counter"], [1])

    async def answers() -> bool:
        try:
            await add(["{a}:counter"], [1])
        except StoreUnavailable:
            return False
        return True

    await until(answers)
    assert cluster.primary_of(key_slot(b"a")) is follower


async def test_a_shard_that_is_away_costs_the_others_nothing(client: Valkey, cluster: ValkeyCluster) -> None:
    lost = cluster.primary_of(key_slot(b"a"))
    elsewhere = next(tag for tag in TAGS if cluster.primary_of(key_slot(tag[1:-1].encode())) is not lost)
    for node in (cluster.replica_of(lost), lost):
        node.kill()
    with pytest.raises(StoreUnavailable), translated_errors():
        await client.hset("{a}:hash", "field", 1)
    assert await client.hset(f"{elsewhere}:hash", "field", 1) == 1


async def test_no_node_that_answers_is_an_outage() -> None:
    lean = LeanCluster("redis://127.0.0.1:1,127.0.0.1:2/0")
    with pytest.raises(StoreUnavailable):
        await lean.call("GET", "key")
    await lean.aclose()


async def test_a_paused_node_loses_its_slots_and_follows_when_it_goes_on(cluster: ValkeyCluster) -> None:
    paused = cluster.primary_of(key_slot(b"a"))
    paused.pause()

    async def replaced() -> bool:
        return cluster.primary_of(key_slot(b"a")) is not paused

    await until(replaced)
    paused.resume()
    await asyncio.to_thread(cluster.until_whole)
    assert paused not in cluster.primaries()
    assert len(cluster.primaries()) == 3
    assert sum(node.running for node in cluster.nodes) == 6
    assert SLOTS == 16_384
