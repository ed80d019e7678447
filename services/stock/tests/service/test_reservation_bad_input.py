"""Bad input on every RPC of ReservationService: a typed error that names the field, and nothing changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1.geo_pb2 import GeoPoint
from lumbung_kit.failures import Kind

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

Change = Callable[[Any], object]
UNKNOWN = "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"

REQUEST_IDS: dict[str, Change] = {
    "no request_id": lambda request: request.ClearField("request_id"),
    "request_id of 65": lambda request: setattr(request, "request_id", "x" * 65),
    "request_id with a space": lambda request: setattr(request, "request_id", "a b"),
    "request_id with a slash": lambda request: setattr(request, "request_id", "a/b"),
    "request_id beyond ASCII": lambda request: setattr(request, "request_id", "pesanan-é"),
    "request_id with a line break": lambda request: setattr(request, "request_id", "a\n"),
}
RESERVATION_IDS: dict[str, Change] = {
    "no reservation_id": lambda request: request.ClearField("reservation_id"),
    "no uuid": lambda request: setattr(request, "reservation_id", "7"),
    "uuid with braces": lambda request: setattr(request, "reservation_id", f"{{{UNKNOWN}}}"),
    "uuid without dashes": lambda request: setattr(request, "reservation_id", UNKNOWN.replace("-", "")),
    "uuid and more": lambda request: setattr(request, "reservation_id", f"{UNKNOWN}\n"),
}


def quantity(units: int) -> Change:
    return lambda request: setattr(request.lines[0], "quantity", units)


def lines(count: int) -> Change:
    def change(request: pb.ReserveRequest) -> None:
        del request.lines[:]
        request.lines.extend(pb.ReserveLine(sku_code="A", quantity=1) for _ in range(count))

    return change


def ttl(**span: int) -> Change:
    return lambda request: request.ttl.CopyFrom(Duration(**span))


def text(field: str, value: str) -> Change:
    return lambda request: setattr(request, field, value)


def sku(value: str) -> Change:
    return lambda request: setattr(request.lines[0], "sku_code", value)


def destination(latitude_deg: float, longitude_deg: float) -> Change:
    point = GeoPoint(latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    return lambda request: request.destination.CopyFrom(point)


NEAREST = pb.SOURCING_POLICY_NEAREST
RESERVE: dict[str, tuple[Change, str]] = {
    **{name: (change, "request_id") for name, change in REQUEST_IDS.items()},
    "quantity 0": (quantity(0), "lines[0].quantity"),
    "quantity -1": (quantity(-1), "lines[0].quantity"),
    "quantity 1,000,001": (quantity(1_000_001), "lines[0].quantity"),
    "quantity 2^31": (quantity(2**31), "lines[0].quantity"),
    "quantity 2^63-1": (quantity(2**63 - 1), "lines[0].quantity"),
    "quantity -2^63": (quantity(-(2**63)), "lines[0].quantity"),
    "0 lines": (lines(0), "lines"),
    "101 lines": (lines(101), "lines"),
    "no sku": (sku(""), "lines[0].sku_code"),
    "sku of 65": (sku("A" * 65), "lines[0].sku_code"),
    "sku with a space": (sku("A B"), "lines[0].sku_code"),
    "sku that looks like SQL": (sku("A'; DROP TABLE level; --"), "lines[0].sku_code"),
    "sku with a comma": (sku("A,B=9"), "lines[0].sku_code"),
    "no channel": (text("channel_code", ""), "channel_code"),
    "channel of 65": (text("channel_code", "w" * 65), "channel_code"),
    "channel with a NUL": (text("channel_code", "we\0b"), "channel_code"),
    "customer of 65": (text("customer_reference", "c" * 65), "customer_reference"),
    "customer with a control character": (text("customer_reference", "a\x07"), "customer_reference"),
    "warehouse with a space": (text("warehouse_code", "JKT 1"), "warehouse_code"),
    "sale of 33": (text("flash_sale_code", "S" * 33), "flash_sale_code"),
    "sale with a brace": (text("flash_sale_code", "a}b"), "flash_sale_code"),
    "ttl 0": (ttl(seconds=0), "ttl"),
    "ttl 1 s": (ttl(seconds=1), "ttl"),
    "ttl just too short": (ttl(seconds=9, nanos=999_999_999), "ttl"),
    "ttl just too long": (ttl(seconds=86_400, nanos=1), "ttl"),
    "ttl a year": (ttl(seconds=365 * 86_400), "ttl"),
    "ttl -1 s": (ttl(seconds=-1), "ttl"),
    "ttl beyond all time": (ttl(seconds=2**62), "ttl"),
    "sourcing unknown": (lambda request: setattr(request, "sourcing", 9), "sourcing"),
    "sourcing below 0": (lambda request: setattr(request, "sourcing", -1), "sourcing"),
    "nearest to nowhere": (lambda request: setattr(request, "sourcing", NEAREST), "destination"),
    "latitude 90.1": (destination(90.1, 0), "destination.latitude_deg"),
    "latitude -91": (destination(-91, 0), "destination.latitude_deg"),
    "latitude that is no number": (destination(math.nan, 0), "destination.latitude_deg"),
    "longitude 180.1": (destination(0, 180.1), "destination.longitude_deg"),
    "longitude endless": (destination(0, -math.inf), "destination.longitude_deg"),
    "durability unknown": (lambda request: setattr(request, "durability", 9), "durability"),
}


async def require_bad_input(shop: Shop, call: Any, field: str) -> None:
    failure = await shop.refused(call)
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [violation.field for violation in failure.fields] == [field]
    assert failure.domain == "stock.lumbung"


async def test_reserve(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 1_000)
    await shop.open_sale("SALE", {"A": 10})
    before = await shop.dump()
    for name, (change, field) in RESERVE.items():
        on_sale = field.split(".")[0] not in ("sourcing", "destination")
        for sale in ("", "SALE") if on_sale else ("",):
            with subtests.test(name, sale=sale):
                request = shop.ask({"A": 1}, sale=sale)
                change(request)
                await require_bad_input(shop, shop.reservations.Reserve(request), field)
    assert await shop.dump() == before


async def test_a_sale_is_not_sourced_by_its_buyers(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 10})
    before = await shop.dump()
    chosen: dict[str, Change] = {
        "sourcing": lambda request: setattr(request, "sourcing", pb.SOURCING_POLICY_PRIORITY),
        "allow_split": lambda request: setattr(request, "allow_split", True),
        "destination": destination(0, 0),
    }
    for field, change in chosen.items():
        with subtests.test(field):
            request = shop.ask({"A": 1}, sale="SALE")
            change(request)
            await require_bad_input(shop, shop.reservations.Reserve(request), field)
    assert await shop.dump() == before


async def test_reserve_names_every_field_at_once(shop: Shop) -> None:
    request = pb.ReserveRequest(
        ttl=Duration(seconds=1), lines=[pb.ReserveLine(quantity=1), pb.ReserveLine(sku_code="A")]
    )
    failure = await shop.refused(shop.reservations.Reserve(request))
    assert [violation.field for violation in failure.fields] == [
        "request_id",
        "lines[0].sku_code",
        "lines[1].quantity",
        "channel_code",
        "ttl",
    ]


async def test_reserve_at_the_bounds_is_fine(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 10_000_000)
    within: dict[str, Change] = {
        "quantity 1,000,000": quantity(1_000_000),
        "100 lines": lines(100),
        "request_id of 64": text("request_id", "x" * 64),
        "request_id of all characters": text("request_id", "aZ09._:-"),
        "ttl 10 s": ttl(seconds=10),
        "ttl 24 h": ttl(seconds=86_400),
        "ttl absent": lambda request: request.ClearField("ttl"),
        "customer of 64": text("customer_reference", "ä" * 64),
        "durable": lambda request: setattr(request, "durability", pb.DURABILITY_DURABLE),
    }
    for name, change in within.items():
        with subtests.test(name):
            request = shop.ask({"A": 1})
            change(request)
            assert await shop.outcome(shop.reservations.Reserve(request)) == "HELD"


UNKNOWN_CODES: dict[str, tuple[dict[str, Any], str, Kind, str]] = {
    "sku": ({"lines": {"A": 1, "NONE": 1}}, "SKU_NOT_FOUND", Kind.NOT_FOUND, "lines[1].sku_code"),
    "retired sku": ({"lines": {"OLD": 1}}, "SKU_RETIRED", Kind.FAILED_PRECONDITION, "lines[0].sku_code"),
    "warehouse": (
        {"lines": {"A": 1}, "warehouse_code": "NONE"},
        "WAREHOUSE_NOT_FOUND",
        Kind.NOT_FOUND,
        "warehouse_code",
    ),
    "sale": ({"lines": {"A": 1}, "sale": "NONE"}, "FLASH_SALE_NOT_FOUND", Kind.NOT_FOUND, ""),
    "nobody buys": ({"lines": {"A": 1}, "sale": "LIMITED"}, "CUSTOMER_REQUIRED", Kind.INVALID_ARGUMENT, ""),
}


async def test_reserve_of_what_stock_does_not_know(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 1_000)
    await shop.put("OLD", 5)
    await shop.sql.execute("UPDATE sku SET active = false WHERE sku_code = 'OLD'")
    await shop.open_sale("LIMITED", {"A": 10}, limit=1)
    before = await shop.dump()
    for name, (fields, reason, kind, field) in UNKNOWN_CODES.items():
        with subtests.test(name):
            failure = await shop.refused(shop.reservations.Reserve(shop.ask(**fields)))
            assert (failure.reason, failure.kind) == (reason, kind)
            assert [violation.field for violation in failure.fields] == ([field] if field else [])
    assert await shop.dump() == before


async def test_another_channel_is_refused_and_stays_refused(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 5})
    ask = shop.ask({"A": 1}, sale="SALE", channel_code="tokoria")
    first = await shop.refusal(shop.reservations.Reserve(ask))
    assert (first.reason, await shop.refusal(shop.reservations.Reserve(ask))) == (
        "CHANNEL_NOT_ON_SALE",
        first,
    )
    assert (await shop.item("SALE", "A")).remaining == 5


def order(**fields: Any) -> Change:
    return lambda request: request.order.MergeFrom(pb.OrderDetails(**fields))


def part(sku_code: str, units: int, count: int = 1) -> Change:
    line = pb.ReserveLine(sku_code=sku_code, quantity=units)
    return lambda request: request.partial_lines.extend([line] * count)


CONFIRM: dict[str, tuple[Change, str]] = {
    **{name: (change, "request_id") for name, change in REQUEST_IDS.items()},
    **{name: (change, "reservation_id") for name, change in RESERVATION_IDS.items()},
    "no order": (lambda request: request.ClearField("order"), "order.order_reference"),
    "reference of blanks": (order(order_reference="  "), "order.order_reference"),
    "reference of 65": (order(order_reference="x" * 65), "order.order_reference"),
    "reference with a NUL": (order(order_reference="a\0b"), "order.order_reference"),
    "courier of 33": (order(courier_service="x" * 33), "order.courier_service"),
    "note of 501": (order(note="x" * 501), "order.note"),
    "note with an escape": (order(note="\x1b[31m"), "order.note"),
    "priority -1": (order(priority=-1), "order.priority"),
    "priority 10": (order(priority=10), "order.priority"),
    "placed before the year 1": (order(place_time=Timestamp(seconds=-(10**12))), "order.place_time"),
    "placed after the year 9999": (order(place_time=Timestamp(seconds=10**12)), "order.place_time"),
    "placed at too many nanoseconds": (order(place_time=Timestamp(nanos=-1)), "order.place_time"),
    "a part of 0": (part("A", 0), "partial_lines[0].quantity"),
    "a part of -1": (part("A", -1), "partial_lines[0].quantity"),
    "a part of 1,000,001": (part("A", 1_000_001), "partial_lines[0].quantity"),
    "a part of 2^63-1": (part("A", 2**63 - 1), "partial_lines[0].quantity"),
    "a part of nothing": (part("", 1), "partial_lines[0].sku_code"),
    "a part with a space": (part("A B", 1), "partial_lines[0].sku_code"),
    "101 parts": (part("A", 1, count=101), "partial_lines"),
}
RELEASE: dict[str, tuple[Change, str]] = {
    **{name: (change, "request_id") for name, change in REQUEST_IDS.items()},
    **{name: (change, "reservation_id") for name, change in RESERVATION_IDS.items()},
    "reason of 201": (text("reason", "x" * 201), "reason"),
    "reason with a NUL": (text("reason", "a\0b"), "reason"),
}
EXTEND: dict[str, tuple[Change, str]] = {
    **{name: (change, "request_id") for name, change in REQUEST_IDS.items()},
    **{name: (change, "reservation_id") for name, change in RESERVATION_IDS.items()},
    **{name: change for name, change in RESERVE.items() if change[1] == "ttl"},
    "no ttl": (lambda request: request.ClearField("ttl"), "ttl"),
}
CANCEL: dict[str, tuple[Change, str]] = {
    **RELEASE,
    "no reason": (text("reason", ""), "reason"),
    "reason of blanks": (text("reason", " "), "reason"),
}


async def test_confirm(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 5)
    held = await shop.hold({"A": 1})
    before = await shop.dump()
    for name, (change, field) in CONFIRM.items():
        with subtests.test(name):
            request = shop.confirmation(held)
            change(request)
            await require_bad_input(shop, shop.reservations.Confirm(request), field)
    assert await shop.dump() == before
    request = shop.confirmation(held, "ü" * 64)
    request.order.MergeFrom(
        pb.OrderDetails(courier_service="x" * 32, priority=9, note="two\nlines " + "x" * 490)
    )
    assert (await shop.reservations.Confirm(request)).reservation.order == request.order


async def test_release(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 5)
    held = await shop.hold({"A": 1})
    before = await shop.dump()
    for name, (change, field) in RELEASE.items():
        with subtests.test(name):
            request = pb.ReleaseRequest(request_id=shop.new_id(), reservation_id=held.reservation_id)
            change(request)
            await require_bad_input(shop, shop.reservations.Release(request), field)
    assert await shop.dump() == before


async def test_extend(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 5)
    held = await shop.hold({"A": 1})
    before = await shop.dump()
    for name, (change, field) in EXTEND.items():
        with subtests.test(name):
            request = pb.ExtendHoldRequest(
                request_id=shop.new_id(), reservation_id=held.reservation_id, ttl=Duration(seconds=60)
            )
            change(request)
            await require_bad_input(shop, shop.reservations.ExtendHold(request), field)
    assert await shop.dump() == before


async def test_cancel(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 5)
    sold = await shop.confirm(await shop.hold({"A": 1}))
    before = await shop.dump()
    for name, (change, field) in CANCEL.items():
        with subtests.test(name):
            request = shop.cancellation(sold)
            change(request)
            await require_bad_input(shop, shop.reservations.CancelReservation(request), field)
    assert await shop.dump() == before


async def test_get(shop: Shop, subtests: pytest.Subtests) -> None:
    for name, change in RESERVATION_IDS.items():
        with subtests.test(name):
            request = pb.GetReservationRequest(reservation_id=UNKNOWN)
            change(request)
            await require_bad_input(shop, shop.reservations.GetReservation(request), "reservation_id")


async def test_a_bad_actor_is_named(shop: Shop) -> None:
    call = shop.reservations.Reserve(shop.ask({"A": 1}), metadata=(("lumbung-actor", "me, myself"),))
    failure = await shop.refused(call)
    assert [violation.field for violation in failure.fields] == ["metadata.lumbung-actor"]
