"""The ledger is a chain that nobody can change unseen, the owner of the database neither."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc
from lumbung_kit.failures import Kind
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.ledger_chain import BEGINNING, ChainBreak, ChainProblem, entry_hash
from lumbung_stock.stores import ledger
from lumbung_stock.usecases import verify_chain, watch_chains
from lumbung_stock.usecases.check_continuously import CheckContinuously
from lumbung_stock.usecases.watch_chains import WatchChains

pytestmark = pytest.mark.store

ENTRIES = 12
REHASH = (
    "DO $$ DECLARE entry ledger_entry; link bytea := '\\x'; BEGIN"
    " FOR entry IN SELECT * FROM ledger_entry WHERE warehouse_code = 'JKT1' ORDER BY sequence LOOP"
    "   link := ledger_hash(link, entry);"
    "   UPDATE ledger_entry SET hash = link WHERE warehouse_code = 'JKT1' AND sequence = entry.sequence;"
    " END LOOP; END $$"
)
HEAD_TOO = (
    "UPDATE ledger_head AS head SET hash = last.hash, chained = last.sequence, sequence = last.sequence FROM ("
    " SELECT * FROM ledger_entry WHERE warehouse_code = 'JKT1' ORDER BY sequence DESC LIMIT 1) AS last"
    " WHERE head.warehouse_code = 'JKT1'"
)


@pytest.fixture(autouse=True)
def _nobody_else_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own checker would, whenever it comes round to it; here a test says when."""

    async def rest(_: CheckContinuously) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(CheckContinuously, "run", rest)


def audit(shop: Any) -> Any:
    return inventory_pb2_grpc.AuditServiceStub(shop.channel)


async def write(shop: Any, count: int, sku: str = "CUP") -> list[LedgerEntry]:
    """Entries as movements write them; levels are not looked at here."""
    written = []
    for number in range(count):
        moves = (Movement(MovementKind.RECEIPT, sku, 1 + number, "SUPPLIER", "A-01", "", f"PO-{number}"),)
        async with shop.postgres.transaction() as conn:
            await conn.execute(
                "INSERT INTO ledger_head (warehouse_code) VALUES ('JKT1') ON CONFLICT DO NOTHING"
            )
            booking = Booking("JKT1", moves, Author("staff:ani", f"r-{number}"))
            written += await ledger.append_entries(conn, booking)
    return written


async def breaks(shop: Any, **fields: Any) -> list[tuple[int, ChainProblem]]:
    found = await audit(shop).VerifyLedger(
        pb.VerifyLedgerRequest(warehouse_code="JKT1", **fields), timeout=60
    )
    return [(each.sequence, ChainProblem(each.problem)) for each in found.chain_breaks]


async def head(shop: Any) -> pb.LedgerSeal:
    (found,) = (
        await audit(shop).VerifyLedger(pb.VerifyLedgerRequest(warehouse_code="JKT1"), timeout=60)
    ).heads
    return found


async def test_each_entry_carries_what_the_domain_reckons(shop: Any) -> None:
    odd = ['"', "a,b:1", "é\u00fc漢字\U0001f4e6", "line\nbreak", "3:abc,"]
    for text in odd:
        moves = tuple(
            Movement(MovementKind.ADJUSTMENT, f"S{number}", 7, "ADJUSTMENT", "A-01", text, text)
            for number in range(3)
        )
        async with shop.postgres.transaction() as conn:
            await conn.execute(
                "INSERT INTO ledger_head (warehouse_code) VALUES ('JKT1') ON CONFLICT DO NOTHING"
            )
            await ledger.append_entries(conn, Booking("JKT1", moves, Author("staff:ani", f"r-{text}")))
    async with shop.postgres.connection() as conn:
        entries = await ledger.list_entries(conn, ledger.EntryFilter("JKT1"), beyond=0, limit=100)
    stored = [bytes(row[0]) for row in await shop.rows("SELECT hash FROM ledger_entry ORDER BY sequence")]
    before = BEGINNING
    assert len(entries) == len(stored) == 3 * len(odd)
    for entry, found in zip(entries, stored, strict=True):
        before = entry_hash(before, entry)
        assert found == before
    assert await breaks(shop) == []


@pytest.mark.parametrize(
    ("tampering", "first"),
    [
        (["UPDATE ledger_entry SET quantity = 99 WHERE sequence = 5"], (5, ChainProblem.CHANGED)),
        (["UPDATE ledger_entry SET actor = 'staff:eve' WHERE sequence = 1"], (1, ChainProblem.CHANGED)),
        (["UPDATE ledger_entry SET reason = 'x' WHERE sequence = 12"], (12, ChainProblem.CHANGED)),
        (["UPDATE ledger_entry SET hash = NULL WHERE sequence = 4"], (4, ChainProblem.CHANGED)),
        (["DELETE FROM ledger_entry WHERE sequence = 5"], (5, ChainProblem.MISSING)),
        (["DELETE FROM ledger_entry WHERE sequence = 1"], (1, ChainProblem.MISSING)),
        (["DELETE FROM ledger_entry WHERE sequence BETWEEN 3 AND 9"], (3, ChainProblem.MISSING)),
        (["DELETE FROM ledger_entry WHERE sequence > 10"], (11, ChainProblem.MISSING)),
        (["DELETE FROM ledger_entry"], (1, ChainProblem.MISSING)),
        (
            [
                "UPDATE ledger_entry SET sequence = 100 WHERE sequence = 5",
                "UPDATE ledger_entry SET sequence = 5 WHERE sequence = 6",
                "UPDATE ledger_entry SET sequence = 6 WHERE sequence = 100",
            ],
            (5, ChainProblem.CHANGED),
        ),
        (
            [
                "UPDATE ledger_entry SET sequence = -sequence WHERE sequence > 5",
                "UPDATE ledger_entry SET sequence = 1 - sequence WHERE sequence < 0",
                "INSERT INTO ledger_entry SELECT warehouse_code, 6, sku_code, 1, from_place, to_place, kind, reason,"
                " document, reservation_id, actor, request_id, record_time, effective_time, hash"
                " FROM ledger_entry WHERE sequence = 5",
            ],
            (6, ChainProblem.CHANGED),
        ),
        (
            [
                "INSERT INTO ledger_entry SELECT warehouse_code, 13, sku_code, 1, from_place, to_place, kind, reason,"
                " document, reservation_id, actor, request_id, record_time, effective_time, hash"
                " FROM ledger_entry WHERE sequence = 12"
            ],
            (13, ChainProblem.BEYOND_HEAD),
        ),
        (["UPDATE ledger_entry SET quantity = 99 WHERE sequence = 5", REHASH], (12, ChainProblem.HEAD)),
        (["UPDATE ledger_head SET sequence = 20 WHERE warehouse_code = 'JKT1'"], (12, ChainProblem.HEAD)),
    ],
    ids=[
        "a quantity", "who", "the last one", "a hash taken away", "one deleted", "the first deleted", "several deleted",
        "the tail deleted", "all deleted", "two swapped", "one put in", "one put on", "all written anew", "the head",
    ],
)  # fmt: skip
async def test_the_first_entry_that_was_tampered_with_is_named(
    shop: Any, tampering: list[str], first: tuple[int, ChainProblem]
) -> None:
    await write(shop, ENTRIES)
    assert await breaks(shop) == []
    await shop.admin.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_chained")
    for statement in tampering:
        await shop.admin.execute(statement)
    await shop.admin.execute("ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_chained")
    assert await breaks(shop) == [first]


async def test_who_writes_everything_anew_is_found_out_by_a_seal(shop: Any) -> None:
    await write(shop, ENTRIES)
    kept = await head(shop)
    await write(shop, 3)
    await shop.admin.execute("UPDATE ledger_entry SET quantity = 99 WHERE sequence = 5")
    await shop.admin.execute(REHASH)
    await shop.admin.execute(HEAD_TOO)
    assert await breaks(shop) == [], "nothing in the database tells, and nothing was kept there"
    assert await breaks(shop, seals=[kept]) == [(ENTRIES, ChainProblem.SEAL)]


async def test_a_tail_that_is_cut_off_with_its_head_is_found_out_by_the_services_own_seal(shop: Any) -> None:
    await write(shop, ENTRIES)
    with capture_logs() as logged:
        assert await WatchChains(shop.postgres)() == []
    (line,) = [line for line in logged if line["event"] == "ledger sealed"]
    assert (line["sequence"], line["hash"]) == (ENTRIES, (await head(shop)).hash.hex())
    await shop.admin.execute("DELETE FROM ledger_entry WHERE sequence > 8")
    await shop.admin.execute(HEAD_TOO)
    assert await breaks(shop) == [(ENTRIES, ChainProblem.SEAL)]


async def test_a_seal_is_written_once_in_a_while_and_only_of_what_is_new(shop: Any) -> None:
    await write(shop, 2)
    watch = WatchChains(shop.postgres, seal_interval_s=0)
    for _ in range(2):
        await watch()
    await write(shop, 1)
    await watch()
    assert await shop.rows("SELECT sequence FROM ledger_seal ORDER BY sequence") == [(2,), (3,)]
    await write(shop, 1)
    await WatchChains(shop.postgres, seal_interval_s=3600)()
    assert await shop.scalar("SELECT count(*) FROM ledger_seal") == 2


async def test_the_watch_goes_on_where_it_was_and_finds_a_break_again_until_it_is_mended(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_chains, "STRETCH", 3)
    monkeypatch.setattr(watch_chains, "STRETCHES_EACH", 1)
    await write(shop, 8)
    watch = WatchChains(shop.postgres)
    assert [await watch() for _ in range(4)] == [[]] * 4
    await shop.admin.execute("UPDATE ledger_entry SET quantity = quantity + 1 WHERE sequence = 5")
    expected = [ChainBreak("JKT1", 5, ChainProblem.CHANGED)]
    rounds = [await watch() for _ in range(6)]
    assert rounds[1:] == [expected] * 5
    await shop.admin.execute("UPDATE ledger_entry SET quantity = quantity - 1 WHERE sequence = 5")
    assert [await watch() for _ in range(4)] == [[]] * 4


async def test_long_chains_are_read_in_stretches_with_progress(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_chain, "STRETCH", 5)
    await write(shop, ENTRIES)
    told: list[tuple[str, int, int]] = []
    report = await verify_chain.verify_chain(shop.postgres, "JKT1", (), lambda *said: told.append(said))
    assert report.breaks == ()
    assert told == [("JKT1", 5, 12), ("JKT1", 10, 12), ("JKT1", 12, 12)]
    await shop.admin.execute("DELETE FROM ledger_entry WHERE sequence BETWEEN 4 AND 11")
    assert await breaks(shop) == [(4, ChainProblem.MISSING)]


async def test_appending_while_the_chain_is_read_breaks_nothing(shop: Any) -> None:
    await write(shop, 3)
    reading = [asyncio.create_task(verify_chain.verify_chain(shop.postgres, "")) for _ in range(8)]
    await write(shop, 20)
    assert not any(report.breaks for report in await asyncio.gather(*reading))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET quantity = 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE ledger_head SET hash = ''",
        "UPDATE ledger_head SET chained = 0",
        "DELETE FROM ledger_head",
        "UPDATE ledger_seal SET hash = ''",
        "DELETE FROM ledger_seal",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_chained",
    ],
)
async def test_the_services_own_role_may_only_append(shop: Any, statement: str) -> None:
    await write(shop, 2)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await shop.sql.execute(statement)


async def test_an_entry_that_does_not_follow_is_not_written(shop: Any) -> None:
    await write(shop, 2)
    with pytest.raises(psycopg.errors.IntegrityError):
        await shop.sql.execute(
            "INSERT INTO ledger_entry SELECT warehouse_code, 9, sku_code, 1, from_place, to_place, kind, reason,"
            " document, reservation_id, actor, request_id, record_time, effective_time"
            " FROM ledger_entry WHERE sequence = 2"
        )
    assert await breaks(shop) == []


async def test_times_ascend_though_the_clock_was_set_back(shop: Any) -> None:
    await write(shop, 1)
    await shop.admin.execute("UPDATE ledger_head SET record_time = clock_timestamp() + interval '1 hour'")
    await write(shop, 2)
    times = [row[0] for row in await shop.rows("SELECT record_time FROM ledger_entry ORDER BY sequence")]
    assert times[0] < times[1] < times[2]
    assert await breaks(shop) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"warehouse_code": "x" * 33}, "warehouse_code"),
        (
            {"seals": [pb.LedgerSeal(warehouse_code="", sequence=1, hash=b"x" * 32)]},
            "seals[0].warehouse_code",
        ),
        ({"seals": [pb.LedgerSeal(warehouse_code="JKT1", sequence=0, hash=b"x" * 32)]}, "seals[0].sequence"),
        ({"seals": [pb.LedgerSeal(warehouse_code="JKT1", sequence=1, hash=b"x")]}, "seals[0].hash"),
        ({"seals": [pb.LedgerSeal(warehouse_code="JKT1", sequence=1, hash=b"x" * 32)] * 101}, "seals"),
    ],
)
async def test_bad_input_is_named(shop: Any, fields: dict[str, Any], field: str) -> None:
    failure = await shop.refused(audit(shop).VerifyLedger(pb.VerifyLedgerRequest(**fields)))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [each.field for each in failure.fields] == [field]


async def test_a_warehouse_that_nobody_knows_is_refused(shop: Any) -> None:
    failure = await shop.refused(audit(shop).VerifyLedger(pb.VerifyLedgerRequest(warehouse_code="NOWHERE")))
    assert failure.reason == "WAREHOUSE_NOT_FOUND"


async def run(url: str, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lumbung_stock.entrypoints.verify_ledger_command", *arguments,
        env={"LUMBUNG_STOCK_POSTGRES_URL": url, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_the_command_says_what_it_found_and_ends_by_it(shop: Any) -> None:
    await write(shop, ENTRIES)
    await shop.admin.execute(
        "UPDATE level SET on_hand = 78; INSERT INTO place_stock (warehouse_code, place_code, sku_code, quantity)"
        " VALUES ('JKT1', 'A-01', 'CUP', 78)"
    )
    await shop.put("CUP", 78)
    url = shop.settings.postgres_url.get_secret_value()
    code, said = await run(url)
    assert code == 0, said
    assert f"JKT1:{ENTRIES}:{(await head(shop)).hash.hex()}" in said
    await shop.admin.execute("UPDATE ledger_entry SET quantity = 99 WHERE sequence = 5")
    code, said = await run(url, "--warehouse", "JKT1")
    assert code == 1
    assert "JKT1: entry 5 does not follow from the one before it" in said
    code, said = await run(url, "--warehouse", "NOWHERE")
    assert (code, "WAREHOUSE_NOT_FOUND" in said) == (2, True)
