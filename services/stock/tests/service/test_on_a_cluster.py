"""A flash sale whose gate lives on one shard of a Valkey Cluster, through what can happen to that shard."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from redis.crc import key_slot

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.embedded.valkey_cluster import ClusterNode, ValkeyCluster
from services.stock.tests.service.test_recovery import rush

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeShop, Shop

pytestmark = pytest.mark.store

SALE_SLOT = key_slot(b"SALE")


@pytest.fixture
def cluster(valkey_cluster: ValkeyCluster) -> Iterator[ValkeyCluster]:
    """The run's cluster, whole again afterwards."""
    yield valkey_cluster
    for node in valkey_cluster.nodes:
        if node.paused:
            node.resume()
    valkey_cluster.start()


@pytest.fixture
async def shop(make_shop: MakeShop, cluster: ValkeyCluster) -> AsyncIterator[Shop]:
    """A stock service on the cluster, with 60 units of which 50 are on sale."""
    async with AsyncExitStack() as stack:
        made = await make_shop(stack, cluster.url)
        await made.put("A", 60)
        await made.open_sale("SALE", {"A": 50})
        yield made


async def sold_out(shop: Shop, trouble: Callable[[], Awaitable[object]]) -> None:
    """150 buyers of 50 units, with trouble when some have been answered: nothing lost, doubled or changed."""
    asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(150)]
    answers = await rush(shop, asks, trouble)
    assert Counter(answers) == {"HELD": 50, "OUT_OF_STOCK": 100}
    assert [await shop.insisting(ask) for ask in asks[:20]] == answers[:20]
    await shop.require_conserved()
    await shop.until_gate_has("SALE", {"A": 0})


async def test_a_sale_is_sold_out_and_closed(shop: Shop) -> None:
    await sold_out(shop, lambda: asyncio.sleep(0))
    (first,), *_ = await shop.rows("SELECT reservation_id::text FROM reservation WHERE state = 1")
    held = pb.Reservation(reservation_id=first)
    await shop.release(held)
    await shop.until_gate_has("SALE", {"A": 1})
    await shop.close_sale("SALE")
    assert await shop.free("A") == 11
    assert await shop.valkey.keys("lumbung:{*") == []
    await shop.require_conserved()


async def test_every_shard_emptied_in_mid_sale(shop: Shop) -> None:
    await sold_out(shop, shop.valkey.flushdb)


async def test_the_sales_primary_killed(shop: Shop, cluster: ValkeyCluster) -> None:
    lost = cluster.primary_of(SALE_SLOT)

    async def kill() -> None:
        lost.kill()

    await sold_out(shop, kill)
    assert cluster.primary_of(SALE_SLOT) is not lost


async def test_a_primary_that_sleeps_through_its_replacement(shop: Shop, cluster: ValkeyCluster) -> None:
    """What it acknowledged on waking, before it heard of its replacement, never reaches Postgres twice."""
    asleep = cluster.primary_of(SALE_SLOT)

    async def replaced() -> bool:
        return cluster.primary_of(SALE_SLOT) is not asleep

    async def put_to_sleep() -> None:
        asleep.pause()
        await shop.until(replaced)
        asleep.resume()

    await sold_out(shop, put_to_sleep)


async def test_a_replica_promoted_that_has_not_heard_the_last_writes(
    shop: Shop, cluster: ValkeyCluster
) -> None:
    """Holds acknowledged by a primary whose replica lagged behind: Postgres has them, the promoted gate does not."""
    primary = cluster.primary_of(SALE_SLOT)
    replica = cluster.replica_of(primary)
    replica.pause()
    asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(30)]
    answers = [await shop.insisting(ask) for ask in asks]
    assert Counter(answers) == {"HELD": 30}
    primary.kill()
    replica.resume()

    async def promoted() -> bool:
        return cluster.primary_of(SALE_SLOT) is replica

    await shop.until(promoted)
    more = [shop.ask({"A": 1}, sale="SALE") for _ in range(60)]
    assert Counter(await asyncio.gather(*(shop.insisting(ask) for ask in more))) == {
        "HELD": 20,
        "OUT_OF_STOCK": 40,
    }
    assert [await shop.insisting(ask) for ask in asks] == answers
    await shop.require_conserved()
    await shop.until_gate_has("SALE", {"A": 0})


async def test_failover_and_back_again(shop: Shop, cluster: ValkeyCluster) -> None:
    """The old primary leads again, with what it was told meanwhile and nothing that it remembered from before."""
    first = cluster.primary_of(SALE_SLOT)

    async def hand_over(to: ClusterNode) -> None:
        to.ask("CLUSTER", "FAILOVER")

        async def leads() -> bool:
            return cluster.primary_of(SALE_SLOT) is to

        await shop.until(leads)
        await asyncio.to_thread(cluster.until_whole)

    async def there_and_back() -> None:
        await hand_over(cluster.replica_of(first))
        await hand_over(first)

    await sold_out(shop, there_and_back)


async def test_the_sales_slot_moves_to_another_shard(shop: Shop, cluster: ValkeyCluster) -> None:
    source = cluster.primary_of(SALE_SLOT)
    target = next(node for node in cluster.primaries() if node is not source)

    async def move() -> None:
        source.ask(
            "CLUSTER",
            "MIGRATESLOTS",
            "SLOTSRANGE",
            SALE_SLOT,
            SALE_SLOT,
            "NODE",
            target.ask("CLUSTER", "MYID"),
        )

        async def moved() -> bool:
            return cluster.primary_of(SALE_SLOT) is target

        await shop.until(moved)

    try:
        await sold_out(shop, move)
    finally:
        target.ask(
            "CLUSTER",
            "MIGRATESLOTS",
            "SLOTSRANGE",
            SALE_SLOT,
            SALE_SLOT,
            "NODE",
            source.ask("CLUSTER", "MYID"),
        )

        async def back() -> bool:
            return cluster.primary_of(SALE_SLOT) is source

        await shop.until(back)


async def test_sales_on_other_shards_go_on(shop: Shop, cluster: ValkeyCluster) -> None:
    lost = cluster.primary_of(SALE_SLOT)
    names = (f"S{number}" for number in itertools.count())
    other = next(name for name in names if cluster.primary_of(key_slot(name.encode())) is not lost)
    await shop.open_sale(other, {"A": 5})
    for node in (cluster.replica_of(lost), lost):
        node.kill()
    for _ in range(5):
        await shop.hold({"A": 1}, sale=other)
    assert (await shop.item(other, "A")).held == 5
    await shop.require_conserved()
