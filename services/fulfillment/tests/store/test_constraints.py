"""What the database itself never lets happen, whoever writes: each guard by its name, as the service's own role."""

from __future__ import annotations

# ruff: noqa: S608 - the statements are written here, and nobody else has a say in them
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from lumbung_kit.postgres import Postgres, constraint_of

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"

pytestmark = pytest.mark.store

ORDER, WAVE, PLAN, TASK, SESSION, BOOKING, PACKAGE, RETURN, CARRIED = (uuid4() for _ in range(9))

SETUP = f"""
insert into customer_order (order_id, reservation_id, warehouse_code, channel_code, order_reference, wanted_courier,
    courier_service, priority, note, place_time)
values ('{ORDER}', '{uuid4()}', 'JKT', 'web', 'O-1', '', '', 0, '', now());
insert into order_line (order_id, sku_code, quantity) values ('{ORDER}', 'RICE', 5);
insert into plan values ('{PLAN}', 'JKT', now(), 1, 1, 1, 1, 1, 1, 1, 0, 'test');
insert into terminal_session (session_id, terminal_code, warehouse_code, picker_code, actor)
values ('{SESSION}', 't-1', 'JKT', 'budi', 'test');
insert into wave (wave_id, plan_id, place_in_plan, warehouse_code, courier_services, task_count, unit_count, walk_m,
    order_by_order_walk_m, s_shape_walk_m, routing_method, session_id, cart_code, state, lease_expire_time, start_time)
values ('{WAVE}', '{PLAN}', 0, 'JKT', '{{}}', 1, 5, 1, 1, 1, 'exact', '{SESSION}', 'cart-1', 'claimed', now(), now());
insert into wave_order values ('{WAVE}', '{ORDER}', 1, 10);
insert into pick_task (task_id, wave_id, order_id, warehouse_code, sequence, bin_code, aisle_index, y_m, sku_code,
    quantity)
values ('{TASK}', '{WAVE}', '{ORDER}', 'JKT', 1, 'A', 0, 1, 'RICE', 5);
insert into booking (booking_id, order_id, kind, stock_request_id, reservation_id, warehouse_code, sku_code, bin_code,
    to_bin_code, quantity, document, reason, next_attempt_time, actor, traceparent)
values ('{BOOKING}', '{ORDER}', 'pick', 'b-1', '{uuid4()}', 'JKT', 'RICE', 'A', '', 5, '', '', now(), 'test', '');
insert into package (package_id, order_id, station_code, actor) values ('{PACKAGE}', '{ORDER}', 'p', 'test');
insert into package_item values ('{PACKAGE}', 'RICE', 5, 0);
insert into goods_return (return_id, order_id, warehouse_code, reason, note, actor)
values ('{RETURN}', '{ORDER}', 'JKT', 'other', '', 'test');
insert into goods_return_line (return_id, sku_code, quantity) values ('{RETURN}', 'RICE', 2);
insert into replenishment (replenishment_id, warehouse_code, sku_code, lot_code, quantity, from_bin_code, to_bin_code,
    reason, session_id, terminal_code, lease_expire_time, actor, traceparent)
values ('{CARRIED}', 'JKT', 'RICE', '', 5, 'R', 'A', 'runs_dry', '{SESSION}', 't-1', now(), 'test', '');
insert into pick_face (warehouse_code, sku_code, bin_code, min_quantity, max_quantity, actor)
values ('JKT', 'RICE', 'A', 1, 5, 'test');
"""

CARRY_TOO = """
insert into replenishment (replenishment_id, warehouse_code, sku_code, lot_code, quantity, from_bin_code, to_bin_code,
    reason, session_id, terminal_code, lease_expire_time, actor, traceparent)
select gen_random_uuid(), warehouse_code, sku_code, lot_code, 1, %s, to_bin_code, reason, %s, terminal_code, now(),
    actor, '' from replenishment
"""
OTHER_SESSION = f"""
with other as (
    insert into terminal_session (session_id, terminal_code, warehouse_code, picker_code, actor)
    select gen_random_uuid(), 't-2', warehouse_code, picker_code, actor from terminal_session
    where session_id = '{SESSION}' returning session_id
)
"""

COPY_WAVE = f"""
insert into wave (wave_id, plan_id, place_in_plan, warehouse_code, courier_services, task_count, unit_count, walk_m,
    order_by_order_walk_m, s_shape_walk_m, routing_method, session_id, cart_code, state, lease_expire_time, start_time)
select gen_random_uuid(), plan_id, 1, warehouse_code, courier_services, 1, 1, 1, 1, 1, 'exact', %s, %s, 'claimed',
    now(), now() from wave where wave_id = '{WAVE}'
"""

VIOLATIONS: list[tuple[str, str]] = [
    ("replenishment_quantity_positive", "update replenishment set quantity = 0"),
    ("replenishment_moved_within", "update replenishment set moved_quantity = 6"),
    ("replenishment_state_known", "update replenishment set state = 'lost', lease_expire_time = null"),
    ("replenishment_claimed_has_lease", "update replenishment set lease_expire_time = null"),
    (
        "replenishment_carried_is_booked",
        "update replenishment set state = 'booking', lease_expire_time = null, moved_quantity = 5",
    ),
    ("replenishment_over_has_time", "update replenishment set state = 'released', lease_expire_time = null"),
    (
        "replenishment_one_per_session",
        CARRY_TOO.replace("%s, to_bin", "'R-2', to_bin").replace("%s", "session_id"),
    ),
    (
        "replenishment_claimed_once",
        OTHER_SESSION
        + CARRY_TOO.replace("%s, to_bin", "from_bin_code, to_bin").replace(
            "%s", "(select session_id from other)"
        ),
    ),
    ("pick_face_max_from_min", "update pick_face set min_quantity = 6"),
    ("pick_face_max_positive", "update pick_face set min_quantity = 0, max_quantity = 0"),
    ("pick_face_min_not_negative", "update pick_face set min_quantity = -1"),
    ("order_line_picked_within", "update order_line set picked_quantity = 6"),
    ("order_line_picked_within", "update order_line set picked_quantity = -1"),
    ("customer_order_rides_when_planned", "update customer_order set state = 'planned'"),
    ("customer_order_shipped_has_time", "update customer_order set state = 'shipped'"),
    ("customer_order_cancelled_has_time", "update customer_order set cancel_time = now()"),
    ("customer_order_state_known", "update customer_order set state = 'lost'"),
    (
        "customer_order_one_per_reservation",
        "insert into customer_order (order_id, reservation_id, warehouse_code, channel_code, order_reference,"
        " wanted_courier, courier_service, priority, note, place_time) select gen_random_uuid(), reservation_id,"
        " warehouse_code, '', '', '', '', 0, '', now() from customer_order",
    ),
    ("pick_task_picked_within", "update pick_task set picked_quantity = 6"),
    ("pick_task_picked_is_whole", "update pick_task set picked_quantity = 5"),
    ("pick_task_picked_is_whole", "update pick_task set state = 'picked'"),
    (
        "pick_task_one_per_place",
        "insert into pick_task (task_id, wave_id, order_id, warehouse_code, sequence, bin_code, aisle_index, y_m,"
        " sku_code, quantity) select gen_random_uuid(), wave_id, order_id, warehouse_code, 1, 'B', 0, 1, 'RICE', 1"
        " from pick_task",
    ),
    ("wave_claimed_has_lease", "update wave set lease_expire_time = null"),
    ("wave_over_has_time", "update wave set state = 'done', lease_expire_time = null"),
    ("wave_one_per_session", COPY_WAVE.replace("%s, %s", f"'{SESSION}', 'cart-2'")),
    (
        "terminal_session_one_per_terminal",
        "insert into terminal_session (session_id, terminal_code, warehouse_code, picker_code, actor)"
        " values (gen_random_uuid(), 't-1', 'JKT', 'ani', 'test')",
    ),
    ("booking_done_has_time", "update booking set state = 'done'"),
    (
        "booking_stock_request_id_once",
        "insert into booking (booking_id, order_id, kind, stock_request_id, reservation_id, warehouse_code, sku_code,"
        " bin_code, to_bin_code, quantity, document, reason, next_attempt_time, actor, traceparent)"
        " select gen_random_uuid(), order_id, kind, stock_request_id, reservation_id, '', '', '', '', 0, '', '', now(),"
        " '', '' from booking",
    ),
    ("package_item_checked_within", "update package_item set checked_quantity = 6"),
    (
        "package_one_per_order",
        f"insert into package (package_id, order_id, station_code, actor) values ('{uuid4()}', '{ORDER}', 'p', 't')",
    ),
    ("package_weights_not_negative", "update package set packaging_weight_g = -1"),
    ("package_override_is_of_a_weight", "update package set weight_override_reason = 'it is right'"),
    (
        "goods_return_line_decided_within",
        "update goods_return_line set restocked_quantity = 1, scrapped_quantity = 2",
    ),
]

FORBIDDEN = [
    "delete from customer_order",
    "delete from order_line",
    "update order_change set actor = 'somebody else'",
    "delete from order_change",
    "delete from pick_scan",
    "delete from booking",
    "update wrong_scan set reason = 'none'",
    "delete from wrong_scan",
    "update short_pick set missing_quantity = 1",
    "update plan set walk_m = 0",
    "delete from wave",
    "update return_decision set quantity = 1",
    "update put_back_scan set quantity = 1",
    "update hand_over set signed_by = 'somebody else'",
    "delete from hand_over",
    "update hand_over_parcel set hand_over_id = hand_over_id",
    "delete from hand_over_parcel",
    "delete from wave_claim",
    "update stray_scan set quantity = 1",
    "delete from stray_scan",
    "drop table booking",
    "truncate booking",
]


@pytest_asyncio.fixture
async def postgres(make_postgres: Any) -> Postgres:
    """A database with one of everything."""
    made: Postgres = await make_postgres("fulfillment", MIGRATIONS)
    async with made.transaction() as conn:
        await conn.execute(SETUP.encode())
    return made


@pytest.mark.parametrize(("constraint", "statement"), VIOLATIONS)
async def test_a_constraint_holds(postgres: Postgres, constraint: str, statement: str) -> None:
    with pytest.raises(psycopg.IntegrityError) as violated:
        async with postgres.transaction() as conn:
            await conn.execute(statement.encode())
    assert constraint_of(violated.value) == constraint


async def test_the_role_may_not_change_what_is_recorded(postgres: Postgres) -> None:
    for statement in FORBIDDEN:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with postgres.connection() as conn:
                await conn.execute(statement.encode())
