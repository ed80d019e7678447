"""The two sides of a figure in a real PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from lumbung_channel_sync.domain.channels import ChannelSpec, Platform
from lumbung_channel_sync.domain.figures import Availability, Figure, figure_of
from lumbung_channel_sync.domain.listings import ListingRules, ListingSpec
from lumbung_channel_sync.stores import channels, listings, sync
from lumbung_channel_sync.stores.sync import Desired, FailedPush, Moved, Push
from lumbung_kit.postgres import Conn, Postgres, constraint_of

pytestmark = pytest.mark.store
CODE, REF = "tokoria", "L-1"


async def listed(postgres: Postgres) -> None:
    """One channel with one listing."""
    async with postgres.transaction() as conn:
        spec = ChannelSpec("Tokoria", "http://127.0.0.1:1", "tokoria", "", 50)
        await channels.insert(conn, CODE, Platform.DEMO_MARKETPLACE, spec, "staff:ani")
        await listings.upsert(conn, CODE, [ListingSpec(REF, "KOPI", ListingRules(), live=False)], "staff:ani")
        await sync.begin(conn, CODE, [REF])


def figure(quantity: int, sale_code: str = "") -> Figure:
    """A plain figure."""
    available = Availability(quantity, sale_code, quantity)
    return figure_of(ListingRules(), available, undecided_quantity=0, sells_nothing=False)


async def desire(postgres: Postgres, quantity: int, position: int = 1, sale_code: str = "") -> Push | None:
    """One pass of the pusher up to the call; what has to be sent."""
    async with postgres.transaction() as conn:
        due = await sync.read_due(conn, CODE, 10)
        desired = [Desired(one, figure(quantity, sale_code), pushed=True) for one in due]
        pushes = await sync.desire(conn, CODE, position, desired)
    return pushes[0] if pushes and pushes[0].needs_push else None


async def confirm(postgres: Postgres, push: Push) -> None:
    """The channel has said yes."""
    async with postgres.transaction() as conn:
        await sync.confirm(conn, CODE, [push])


async def mark(postgres: Postgres) -> None:
    """Stock has changed."""
    async with postgres.transaction() as conn:
        await sync.mark_skus(conn, ["KOPI"])


async def due(postgres: Postgres) -> bool:
    """Whether the listing is."""
    async with postgres.connection() as conn:
        return bool(await sync.read_due(conn, CODE, 10))


async def test_a_confirmed_figure_is_not_sent_again(postgres: Postgres) -> None:
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    assert (push.quantity, push.version) == (5, 1)
    await confirm(postgres, push)
    assert not await due(postgres)
    await mark(postgres)
    assert await desire(postgres, 5) is None
    assert not await due(postgres)


async def test_until_it_is_confirmed_it_stays_due_under_the_same_version(postgres: Postgres) -> None:
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    await confirm(postgres, push)
    await mark(postgres)
    first = await desire(postgres, 4)
    again = await desire(postgres, 4)
    assert first is not None
    assert again is not None
    assert first.version == again.version == 2


async def test_back_to_the_confirmed_figure_after_an_unanswered_push_is_sent_all_the_same(
    postgres: Postgres,
) -> None:
    """The unanswered push may have been applied: what the channel shows is not what it confirmed."""
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    await confirm(postgres, push)
    await mark(postgres)
    assert (await desire(postgres, 4)) is not None
    back = await desire(postgres, 5)
    assert back is not None
    assert (back.quantity, back.version) == (5, 3)


async def test_what_changes_while_a_push_is_under_way_stays_due(postgres: Postgres) -> None:
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    await mark(postgres)
    await confirm(postgres, push)
    assert await due(postgres)


async def test_a_sale_on_the_channel_while_a_push_is_under_way_leaves_the_figure_unknown(
    postgres: Postgres,
) -> None:
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    async with postgres.transaction() as conn:
        await sync.move(conn, [Moved(CODE, REF, items_ordered=1)])
    await confirm(postgres, push)
    again = await desire(postgres, 5)
    assert again is not None
    assert again.version > push.version


async def test_a_late_confirmation_changes_nothing(postgres: Postgres) -> None:
    await listed(postgres)
    first = await desire(postgres, 5)
    assert first is not None
    await confirm(postgres, first)
    await mark(postgres)
    second = await desire(postgres, 4)
    assert second is not None
    await confirm(postgres, second)
    await confirm(postgres, first)
    await mark(postgres)
    assert await desire(postgres, 4) is None


async def test_older_availability_never_replaces_newer(postgres: Postgres) -> None:
    await listed(postgres)
    assert await desire(postgres, 5, position=10) is not None
    assert await desire(postgres, 9, position=9) is None
    push = await desire(postgres, 5, position=10)
    assert push is not None
    assert push.quantity == 5


async def test_the_same_figure_under_another_sale_is_sent(postgres: Postgres) -> None:
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    await confirm(postgres, push)
    await mark(postgres)
    on_sale = await desire(postgres, 5, sale_code="HARBOLNAS")
    assert on_sale is not None
    assert on_sale.sale_code == "HARBOLNAS"


async def test_a_stale_push_gets_a_version_above_the_channels(postgres: Postgres) -> None:
    await listed(postgres)
    push = await desire(postgres, 5)
    assert push is not None
    async with postgres.transaction() as conn:
        await sync.fail(conn, CODE, [FailedPush(REF, "STALE", "", 0.0, parked=False, newest_version=41)])
    again = await desire(postgres, 5)
    assert again is not None
    assert again.version == 42


async def test_a_parked_listing_is_not_due_until_it_is_set_anew(postgres: Postgres) -> None:
    await listed(postgres)
    assert await desire(postgres, 5) is not None
    async with postgres.transaction() as conn:
        await sync.fail(conn, CODE, [FailedPush(REF, "GONE", "", 0.0, parked=True, newest_version=0)])
    await mark(postgres)
    assert not await due(postgres)
    async with postgres.transaction() as conn:
        await sync.begin(conn, CODE, [REF])
    assert await due(postgres)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("desired_quantity = -1", "listing_sync_desired_not_negative"),
        ("confirmed_version = desired_version + 1", "listing_sync_versions_ordered"),
        ("considered_marks = marks + 1", "listing_sync_marks_ordered"),
    ],
)
async def test_the_database_itself_refuses_what_cannot_be(
    postgres: Postgres, change: str, constraint: str
) -> None:
    await listed(postgres)

    async def work(conn: Conn) -> None:
        await conn.execute(f"UPDATE listing_sync SET {change}")  # noqa: S608

    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        await postgres.run(work)
    assert constraint_of(refused.value) == constraint


async def test_the_service_can_do_no_more_than_it_needs(postgres: Postgres) -> None:
    for statement in (
        "DELETE FROM channel",
        "DELETE FROM channel_order",
        "DELETE FROM inbox",
        "DROP TABLE inbox",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with postgres.connection() as conn:
                await conn.execute(statement)
