"""Requests about shortfalls, checked, as domain objects."""

from __future__ import annotations

from typing import Protocol

from lumbung.stock.v1 import shortfalls_pb2 as pb
from lumbung_kit.validate import Check
from lumbung_stock.domain.shortfalls import ActFilter, Decision, HitFilter, Lack, ListedHit
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.page_tokens import key_of
from lumbung_stock.entrypoints.receiving_messages import moment_in_token, uuid_in_token
from lumbung_stock.entrypoints.reservation_messages import optional_code
from lumbung_stock.usecases.list_shortfall_hits import FIRST, HitKey


class NamesLack(Protocol):
    """A request that names what a reservation lacks."""

    @property
    def reservation_id(self) -> str: ...
    @property
    def warehouse_code(self) -> str: ...
    @property
    def sku_code(self) -> str: ...


def lack_of(check: Check, request: NamesLack, quantity: int = 0) -> Lack:
    """Units that a reservation lacks; 0 stands for all of them."""
    units = check.whole("quantity", quantity, minimum=0, maximum=messages.UNITS_MAX)
    return Lack(
        reservation_id=check.uuid("reservation_id", request.reservation_id),
        warehouse_code=messages.warehouse_code_of(check, request.warehouse_code),
        sku_code=check.code("sku_code", request.sku_code),
        units=units or None,
    )


def giver_of(check: Check, request: pb.ResourceShortfallRequest) -> str:
    """Who is to give the units; empty: whoever has them."""
    if not request.to_warehouse_code:
        return ""
    if request.to_warehouse_code == request.warehouse_code:
        check.add("to_warehouse_code", "must be another warehouse than warehouse_code")
    return messages.warehouse_code_of(check, request.to_warehouse_code, "to_warehouse_code")


def hit_filter_of(check: Check, request: pb.ListShortfallHitsRequest) -> HitFilter:
    """Which hits are asked for."""
    decision = int(request.decision)
    if decision:
        check.choice("decision", decision, pb.ShortfallDecision)
    return HitFilter(
        warehouse_code=messages.optional_warehouse_code_of(check, request.warehouse_code),
        sku_code=optional_code(check, "sku_code", request.sku_code),
        reservation_id=messages.optional_uuid_of(check, "reservation_id", request.reservation_id),
        decision=Decision(decision) if decision in list(map(int, Decision)) else Decision.ALL,
    )


def act_filter_of(check: Check, request: pb.ListShortfallActsRequest) -> ActFilter:
    """Which acts are asked for."""
    if request.kind:
        check.choice("kind", request.kind, pb.ShortfallActKind)
    return ActFilter(
        warehouse_code=messages.optional_warehouse_code_of(check, request.warehouse_code),
        sku_code=optional_code(check, "sku_code", request.sku_code),
        reservation_id=messages.optional_uuid_of(check, "reservation_id", request.reservation_id),
        kind=request.kind,
    )


def place_among_hits(check: Check, token: str, filters: list[object]) -> HitKey:
    """Where a page of hits begins, out of its token."""
    first = (FIRST[0].isoformat(), "", "", FIRST[3].isoformat(), str(FIRST[4]))
    raised, warehouse, sku, promised, reservation = key_of(check, token, filters, first=first)
    return (
        moment_in_token(check, raised),
        warehouse,
        sku,
        moment_in_token(check, promised),
        uuid_in_token(check, reservation),
    )


def key_of_hit(listed: ListedHit) -> list[str | int]:
    """What a page token says of the last hit of a page."""
    return [
        listed.raise_time.isoformat(),
        listed.hit.warehouse_code,
        listed.hit.sku_code,
        listed.promise_time.isoformat(),
        str(listed.hit.reservation_id),
    ]
