"""Questions about the ledger, checked, as domain objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.validate import Check
from lumbung_stock.domain.ledger import MovementKind
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.reservation_messages import moment, optional_code
from lumbung_stock.stores.ledger import EntryFilter, PastStock

KINDS_MAX = 20
ACTOR_LENGTH_MAX = 96
REQUEST_ID_LENGTH_MAX = 64


def entry_filter_of(check: Check, request: pb.ListLedgerEntriesRequest) -> EntryFilter:
    """Which entries are wanted."""
    document = messages.document_of(check, request.document, required=False)
    from_time = _optional_moment(check, "from_time", request, request.from_time)
    until_time = _optional_moment(check, "until_time", request, request.until_time)
    if from_time and until_time and from_time >= until_time:
        check.add("until_time", "must be later than from_time")
    if request.lot_code and not request.sku_code:
        check.add("sku_code", "must be given with lot_code")
    return EntryFilter(
        warehouse_code=messages.warehouse_code_of(check, request.warehouse_code),
        sku_code=optional_code(check, "sku_code", request.sku_code),
        document=document,
        reservation_id=_reservation_of(document),
        place_code=messages.bin_code_of(check, "place_code", request.place_code)
        if request.place_code
        else "",
        kinds=_kinds_of(check, request.kinds),
        actor=check.text("actor", request.actor, max_length=ACTOR_LENGTH_MAX, required=False),
        request_id=check.text(
            "by_request_id", request.by_request_id, max_length=REQUEST_ID_LENGTH_MAX, required=False
        ),
        from_time=from_time,
        until_time=until_time,
        reason_code=messages.reason_code_of(check, request.reason_code),
        lot_code=messages.lot_of(check, request.lot_code).code,
    )


def past_stock_of(check: Check, request: pb.GetStockAsOfRequest) -> PastStock:
    """What is asked of the past."""
    instant = _optional_moment(check, "as_of_time", request, request.as_of_time)
    if not request.HasField("as_of_time"):
        check.add("as_of_time", "must be given")
    return PastStock(
        warehouse_code=messages.warehouse_code_of(check, request.warehouse_code),
        instant=instant or datetime.now(UTC),
        by_effective_time=request.by_effective_time,
        sku_codes=tuple(messages.filter_of(check, "sku_codes", request.sku_codes)),
        place_codes=tuple(messages.filter_of(check, "bin_codes", request.bin_codes)),
    )


def _optional_moment(
    check: Check, field: str, request: pb.ListLedgerEntriesRequest | pb.GetStockAsOfRequest, value: Timestamp
) -> datetime | None:
    return moment(check, field, value) if request.HasField(field) else None  # type: ignore[arg-type]


def _kinds_of(check: Check, kinds: Sequence[int]) -> tuple[MovementKind, ...]:
    some = check.items("kinds", kinds, minimum=0, maximum=KINDS_MAX)
    numbers = {check.choice(f"kinds[{index}]", kind, pb.MovementKind) for index, kind in enumerate(some)}
    return tuple(MovementKind(number) for number in sorted(numbers) if number in set(MovementKind))


def _reservation_of(document: str) -> UUID | None:
    try:
        return UUID(document)
    except ValueError:
        return None
