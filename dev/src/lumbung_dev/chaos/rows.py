"""The rows of the fault matrix that concern stock, each as something that can be done to a running world."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.crc import key_slot

from lumbung_dev.chaos import damage
from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.damage import cut_commits, kill_replica_when, kill_unasked
from lumbung_dev.chaos.history import Verb
from lumbung_dev.chaos.proxy import Moment
from lumbung_dev.chaos.trial import Play
from lumbung_dev.chaos.world import World, stock_program
from lumbung_dev.local.patience import eventually
from lumbung_kit.embedded import ClusterNode, ValkeyCluster
from lumbung_kit.embedded.ports import free_port

PAUSE_S = 3.0
CUTS = 5
HEDGES = 30
RACES = 40
SETTLED_S = 0.5
"""What was on its way when a setting was changed may still be given."""
BACK_S_MAX = 60.0
"""A gate that is back is trusted after some seconds, and whoever is busy takes longer."""
BURST = 640
TIGHT_RPCS_MAX = 16


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the matrix."""

    number: int
    fault: str
    promised: str
    play: Play
    on_cluster: bool = False
    long: bool = False
    """Too long for every run of the tests."""


class UnexpectedError(AssertionError):
    """The system did something else than the row promises; the message says what."""


def expect(kept: bool, what: str) -> None:
    """Raises UnexpectedError unless it is so."""
    if not kept:
        raise UnexpectedError(what)


# Valkey


async def valkey_killed(world: World, buyers: Buyers) -> None:
    """Row 1."""
    kill_unasked(world, "valkey")


async def tail_lost(world: World, buyers: Buyers) -> None:
    """Row 2."""
    await world.servers.kill("valkey")
    damage.cut_tail(world.valkey_folder(), random.Random(buyers.seed))
    world.hurt()
    await world.servers.start("valkey")


async def corrupt_middle(world: World, buyers: Buyers) -> None:
    """Row 3."""
    await world.servers.kill("valkey")
    damage.zero_bytes_in_the_middle(world.valkey_folder())
    world.hurt()
    expect(await damage.start_or_rebuild(world), "Valkey started on a corrupt file")


async def data_gone(world: World, buyers: Buyers) -> None:
    """Row 4."""
    await world.servers.kill("valkey")
    damage.empty(world.valkey_folder())
    world.hurt()
    await world.servers.start("valkey")


async def out_of_memory(world: World, buyers: Buyers) -> None:
    """Row 9."""
    before = await world.valkey.xlen(f"lumbung:{{{world.sale}}}:journal")
    await world.valkey.config_set("maxmemory", "1mb")
    try:
        held = await _while_refused(buyers)
        expect(
            held == 0, f"{held} units were given without room to write them down; the journal had {before}"
        )
    finally:
        await world.valkey.config_set("maxmemory", "0")
        world.hurt()


async def eviction_allowed(world: World, buyers: Buyers) -> None:
    """Row 10."""
    await world.valkey.config_set("maxmemory-policy", "volatile-lru")
    try:
        await world.valkey.flushdb()
        held = await _while_refused(buyers)
        expect(held == 0, f"{held} units were given by a gate that may forget")
        armed = await world.valkey.hget(f"lumbung:{{{world.sale}}}:gate", "armed")
        expect(armed != b"1", "a gate that may forget was armed")
    finally:
        await world.valkey.config_set("maxmemory-policy", "noeviction")
        world.hurt()


async def _while_refused(buyers: Buyers) -> int:
    """Units given in the next moments to those who asked first in them."""
    begun = time.time()
    await asyncio.sleep(PAUSE_S / 2)
    asked_before = {each.request_id for each in buyers.history.attempts if each.sent_s < begun + SETTLED_S}
    held = buyers.history.told(Verb.RESERVE, "HELD")
    return sum(each.units for each in held if each.request_id not in asked_before)


async def valkey_stays_away(world: World, buyers: Buyers) -> None:
    """Row 41: the sale goes on through Postgres alone, and comes back to its gate."""
    served_by = "SELECT count(*) FROM flash_sale WHERE flash_sale_code = %s AND "
    await world.servers.kill("valkey")
    try:
        held = await buyers.reserve(1)
        expect(held.told == "HELD", f"while Valkey is away one is told {held.told or 'nothing'}")
        alone = await world.scalar(served_by + "on_postgres_since IS NOT NULL", world.sale)
        expect(alone == 1, "units were given while neither the gate nor Postgres served the sale")
        await buyers.more(20)
    finally:
        await world.servers.start("valkey")
    world.hurt()

    async def back() -> bool:
        return await world.scalar(served_by + "gate_armed", world.sale) == 1

    await eventually(back, "the sale has its gate again", within_s=BACK_S_MAX)


async def scripts_forgotten(world: World, buyers: Buyers) -> None:
    """Row 16."""
    for _ in range(CUTS):
        await world.valkey.script_flush()
        await buyers.more(5)
    world.hurt()


# Valkey Cluster


def _cluster(world: World) -> ValkeyCluster:
    if world.cluster is None:
        raise RuntimeError("this row needs a cluster")
    return world.cluster


def _slot(world: World) -> int:
    return key_slot(world.sale.encode())


async def _until_leads(world: World, wanted: Callable[[ClusterNode], bool]) -> None:
    await world.until(
        lambda: wanted(_cluster(world).primary_of(_slot(world))), "another node leads the sale's shard"
    )


async def _make_whole(world: World) -> None:
    for node in _cluster(world).nodes:
        if node.paused:
            node.resume()
        node.start()
    await asyncio.to_thread(_cluster(world).until_whole)


async def primary_killed(world: World, buyers: Buyers) -> None:
    """Row 11."""
    lost = _cluster(world).primary_of(_slot(world))
    lost.kill()
    await _until_leads(world, lambda node: node is not lost)
    await buyers.until_held_since(world.hurt_at_s)
    lost.start()
    await asyncio.to_thread(_cluster(world).until_whole)


async def primary_paused(world: World, buyers: Buyers) -> None:
    """Row 12."""
    asleep = _cluster(world).primary_of(_slot(world))
    asleep.pause()
    try:
        await _until_leads(world, lambda node: node is not asleep)
    finally:
        asleep.resume()
    await buyers.more(20)
    await _make_whole(world)


async def stale_replica_promoted(world: World, buyers: Buyers) -> None:
    """Row 13."""
    primary = _cluster(world).primary_of(_slot(world))
    replica = _cluster(world).replica_of(primary)
    replica.pause()
    await buyers.more(60)
    primary.kill()
    replica.resume()
    world.hurt()
    await _until_leads(world, lambda node: node is replica)
    await buyers.until_held_since(world.hurt_at_s)
    await _make_whole(world)


async def failover_and_back(world: World, buyers: Buyers) -> None:
    """Row 14."""
    first = _cluster(world).primary_of(_slot(world))
    for to in (_cluster(world).replica_of(first), first):
        to.ask("CLUSTER", "FAILOVER")
        await _until_leads(world, lambda node, to=to: node is to)  # type: ignore[misc]
        await _make_whole(world)
        await buyers.more(20)


async def slot_moves(world: World, buyers: Buyers) -> None:
    """Row 15."""
    source = _cluster(world).primary_of(_slot(world))
    target = next(node for node in _cluster(world).primaries() if node is not source)
    for giver, taker in ((source, target), (target, source)):
        taker_id = taker.ask("CLUSTER", "MYID")
        giver.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", _slot(world), _slot(world), "NODE", taker_id)
        await _until_leads(world, lambda node, taker=taker: node is taker)  # type: ignore[misc]
        await buyers.more(20)


# Postgres


async def postgres_killed(world: World, buyers: Buyers) -> None:
    """Row 17."""
    kill_unasked(world, "postgres")


async def backend_killed(world: World, buyers: Buyers) -> None:
    """Row 18."""
    ((pid,), *_) = await world.rows(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'stock%%' AND pid <> pg_backend_pid()"
    )
    os.kill(pid, signal.SIGKILL)


async def cut_after_commit(world: World, buyers: Buyers) -> None:
    """Row 19."""
    await cut_commits(world.to_postgres, Moment.AFTER, CUTS)
    world.hurt()


async def cut_before_commit(world: World, buyers: Buyers) -> None:
    """Row 20."""
    await cut_commits(world.to_postgres, Moment.BEFORE, CUTS)
    world.hurt()


def postgres_paused(seconds: float) -> Play:
    """Row 21, for so long."""

    async def play(world: World, buyers: Buyers) -> None:
        async with damage.paused(world, "postgres"):
            await asyncio.sleep(seconds)
        world.hurt()

    return play


# Stock


async def killed_after_the_gates_grant(world: World, buyers: Buyers) -> None:
    """Row 23."""
    if world.to_valkey is None:
        raise RuntimeError("this row needs the proxy to Valkey")
    await kill_replica_when(world, world.to_valkey, b"EVALSHA")


async def killed_after_the_commit(world: World, buyers: Buyers) -> None:
    """Row 24."""
    await kill_replica_when(world, world.to_postgres, b"COMMIT")


async def both_recover(world: World, buyers: Buyers) -> None:
    """Row 25."""
    for _ in range(3):
        await world.valkey.flushdb()
        world.hurt()
        await buyers.until_held_since(world.hurt_at_s)


async def zombie_committer(world: World, buyers: Buyers) -> None:
    """Row 26."""
    pid = world.runner.pids["stock-1"]
    os.kill(pid, signal.SIGSTOP)
    try:
        await world.valkey.flushdb()
        world.hurt()
        held = await buyers.reserve(1, replica="stock-2")
        expect(held.told == "HELD", f"beside a replica that sleeps one is told {held.told or 'nothing'}")
    finally:
        os.kill(pid, signal.SIGCONT)


async def expiry_races_confirm(world: World, buyers: Buyers) -> None:
    """Row 27."""
    holds = await asyncio.gather(*(buyers.reserve(1) for _ in range(RACES)))
    ids = [held.reservation_id for held in holds]
    await world.execute(
        "UPDATE reservation SET expire_time = clock_timestamp() + interval '0.2 s' * random()"
        " WHERE reservation_id::text = ANY (%s)",
        ids,
    )
    for held in holds:
        held.deadline_s = time.time()
    told = await asyncio.gather(*(buyers.confirm(held) for held in holds))
    expect(
        {each.told for each in told} <= {"CONFIRMED", "HOLD_EXPIRED"},
        f"a Confirm at the deadline was told { ({each.told for each in told}) }",
    )

    async def resolved() -> bool:
        held_still = "SELECT count(*) FROM reservation WHERE state = 1 AND reservation_id::text = ANY (%s)"
        return await world.scalar(held_still, ids) == 0

    await eventually(resolved, "each of them is sold or expired", within_s=20)
    world.hurt()


async def release_on_the_heels(world: World, buyers: Buyers) -> None:
    """Row 28."""
    for _ in range(RACES // 4):
        holds = await asyncio.gather(*(buyers.reserve(1, replica="stock-1") for _ in range(4)))
        await asyncio.gather(*(buyers.release(held, replica="stock-2") for held in holds))
    await world.valkey.flushdb()
    world.hurt()


async def poison(world: World, buyers: Buyers) -> None:
    """Row 29."""
    before = await world.scalar("SELECT count(*) FROM journal_dead_letter")
    await world.valkey.xadd(f"lumbung:{{{world.sale}}}:journal", {"epoch": "1", "body": "\x00poison"})
    await buyers.more(20)

    async def parked() -> bool:
        return await world.scalar("SELECT count(*) FROM journal_dead_letter") > before

    await eventually(parked, "the bad entry is parked", within_s=20)


async def other_content_under_the_same_id(world: World, buyers: Buyers) -> None:
    """Row 32."""
    first = await buyers.reserve(1)
    for _ in range(2):
        other = await buyers.reserve(2, request_id=first.request_id)
        buyers.history.attempts.remove(other)  # another request, though it has the same name
        expect(other.told == "REQUEST_ID_REUSED", f"other content under the same id was told {other.told}")
        again = await buyers.reserve(1, request_id=first.request_id)
        expect(again.reservation_id == first.reservation_id, "the first answer was forgotten")
        await world.valkey.flushdb()
        world.hurt()
        await buyers.until_held_since(world.hurt_at_s)


async def hedged(world: World, buyers: Buyers) -> None:
    """Row 33."""
    for _ in range(HEDGES):
        request_id = buyers.new_id("h")
        told = await asyncio.gather(
            *(
                buyers.reserve(1, request_id=request_id, replica=name)
                for name in ("stock-1", "stock-2", "both")
            )
        )
        expect(len({each.reservation_id for each in told}) == 1, f"{request_id} became several holds")


async def mixed_carts_and_a_crash(world: World, buyers: Buyers) -> None:
    """Row 34: a cart that draws on a sale and on ordinary stock; either all of it is there, or nothing."""
    carts = [asyncio.create_task(buyers.reserve(1, cable=1)) for _ in range(RACES)]
    await asyncio.wait(carts, return_when=asyncio.FIRST_COMPLETED)
    await world.runner.kill("stock-1")
    await world.runner.start("stock-1")
    ids = [held.reservation_id for held in await asyncio.gather(*carts) if held.told == "HELD"]
    legs = "SELECT count(*) FROM reservation_draw WHERE reservation_id::text = ANY (%s)"
    expect(await world.scalar(legs, ids) == 2 * len(ids), "a cart has one leg")
    halves = "SELECT count(*) FROM (SELECT FROM reservation_draw JOIN reservation USING (reservation_id)"
    halves += (
        ' WHERE lines @> \'[{"sku_code": "CABLE"}]\' GROUP BY reservation_id HAVING count(*) <> 2) AS half'
    )
    expect(await world.scalar(halves) == 0, "a cart has one leg")


async def reopened_under_load(world: World, buyers: Buyers) -> None:
    """Row 35."""
    for _ in range(2):
        await world.close_sale()
        await world.open_sale()
        await buyers.more(20)
    world.hurt()


async def rolling_restart(world: World, buyers: Buyers) -> None:
    """Row 38."""
    for name in list(world.addresses):
        await world.runner.stop(name)
        await world.runner.start(name)
        await buyers.more(20)


async def overload(world: World, buyers: Buyers) -> None:
    """Row 39: more at once than a replica takes."""
    name = f"tight-{next(world.numbers)}"
    address = f"127.0.0.1:{free_port()}"
    environment = {**world.environment, "LUMBUNG_STOCK_MAX_CONCURRENT_RPCS": str(TIGHT_RPCS_MAX)}
    await world.runner.run([stock_program(name, address, environment)])
    world.addresses[name] = address  # type: ignore[index]
    begun = len(buyers.history.attempts)
    told = await asyncio.gather(*(buyers.reserve(1, replica=name) for _ in range(BURST // 4)))
    expect({each.told for each in told} == {"HELD"}, "who insisted was not served in the end")
    shed = sum(not each.told for each in buyers.history.attempts[begun:])
    expect(shed > 0, "everybody was taken at once")
    await world.runner.stop(name)


async def replica_killed(world: World, buyers: Buyers) -> None:
    """Row 40's staple."""
    name = random.Random(f"{buyers.seed}:{next(world.numbers)}").choice(("stock-1", "stock-2"))
    await world.runner.kill(name)
    world.hurt()
    await world.runner.start(name)


ROWS = (
    Row(1, "Valkey killed", "S C D L, A <= 3 s", valkey_killed),
    Row(2, "Valkey loses the tail of its file", "S C D L", tail_lost),
    Row(
        3,
        "Valkey's file corrupt in the middle",
        "refuses to start, rebuilt from Postgres; S C D L",
        corrupt_middle,
    ),
    Row(4, "Valkey's data gone", "rebuilt from Postgres; S C D L", data_gone),
    Row(9, "Valkey out of memory", "refused without effect; S C D L", out_of_memory),
    Row(10, "volatile-lru set", "no gate is armed; S C D L", eviction_allowed),
    Row(11, "cluster: primary killed", "S C D L, A <= 5 s", primary_killed, on_cluster=True),
    Row(12, "cluster: primary paused, replaced, back", "S C D L", primary_paused, on_cluster=True, long=True),
    Row(13, "cluster: stale replica promoted", "S C D L", stale_replica_promoted, on_cluster=True),
    Row(14, "cluster: failover and back", "S C D L", failover_and_back, on_cluster=True, long=True),
    Row(15, "cluster: the sale's slot moves", "S C D L", slot_moves, on_cluster=True),
    Row(16, "Valkey forgets the scripts", "loaded again; S C D L", scripts_forgotten, long=True),
    Row(17, "Postgres killed", "C D, A <= 2 s", postgres_killed),
    Row(18, "a Postgres backend killed", "C D, A <= 2 s", backend_killed),
    Row(19, "cut after COMMIT", "no unit twice", cut_after_commit),
    Row(20, "cut before COMMIT", "applied once", cut_before_commit),
    Row(21, "Postgres paused", "nothing compensated; S C D L", postgres_paused(PAUSE_S)),
    Row(23, "stock killed after the gate's grant", "one hold, one unit", killed_after_the_gates_grant),
    Row(24, "stock killed after the commit", "no effect twice", killed_after_the_commit),
    Row(25, "two replicas recover at once", "one wins each epoch; S C D L", both_recover),
    Row(26, "a committer wakes after a recovery", "fenced; S C D L", zombie_committer),
    Row(27, "expiry races Confirm", "one winner", expiry_races_confirm),
    Row(28, "release on the heels of reserve", "no leak", release_on_the_heels, long=True),
    Row(29, "a bad journal entry", "parked, the others flow", poison),
    Row(32, "an id reused with other content", "refused, first answer kept", other_content_under_the_same_id),
    Row(33, "the same request three times at once", "one hold", hedged),
    Row(34, "mixed carts and a crash", "all or nothing", mixed_carts_and_a_crash),
    Row(35, "sale closed and the next opened under load", "S C D L", reopened_under_load),
    Row(38, "rolling restart under load", "S C D L", rolling_restart, long=True),
    Row(39, "overload", "the excess is shed, nobody is lost", overload, long=True),
    Row(40, "a replica killed", "S C D L", replica_killed, long=True),
    Row(41, "Valkey stays away", "goes on through Postgres, and back; S C D L", valkey_stays_away),
)
"""Those that need nothing but the servers; `special.py` has the others."""
