"""Stocktake requests, checked, as domain objects; stocktakes as the contract shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung_kit.failures import FieldViolation
from lumbung_kit.validate import Check, is_code
from lumbung_stock.domain.stocktakes import Instant, LineKey, Opening, Override, Scan, Scope, Step, Stocktake
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.receiving_messages import moment_in_token
from lumbung_stock.usecases.record_counts import RowError
from lumbung_stock.usecases.review_stocktake import Review
from lumbung_stock.wire.reservations import timestamp

TITLE_LENGTH_MAX = 120
ZONE_LENGTH_MAX = 32
SKU_LENGTH_MAX = 64
WINDOW_S_MAX = 3600
WINDOW_S = 30
"""From the hand in the bin to the booking of the pick, and the error of a clock that was set right; see 0046."""
FAST_DAYS, FAST_DAYS_MAX = 90, 366
OFFSET_S_MAX = 86_400
COUNTS_MAX = 5_000
ROUND_MAX = 32_767
COUNTED_MAX = 10_000_000
RECOUNT_LINES_MAX = 500
COSTS_MAX = 500
COST_MAX = 10_000_000_000


def opening_of(check: Check, request: pb.OpenStocktakeRequest) -> Opening:
    """What is to be opened."""
    scope = request.scope
    zones = check.items("scope.zones", scope.zones, minimum=0, maximum=messages.FILTER_MAX)
    for index, zone in enumerate(zones):
        check.text(f"scope.zones[{index}]", zone, max_length=ZONE_LENGTH_MAX)
    return Opening(
        Scope(
            check.code(
                "scope.warehouse_code", scope.warehouse_code, max_length=messages.WAREHOUSE_CODE_LENGTH_MAX
            ),
            tuple(sorted(set(zones))),
            tuple(messages.filter_of(check, "scope.bin_codes", scope.bin_codes)),
            tuple(messages.filter_of(check, "scope.sku_codes", scope.sku_codes)),
        ),
        check.text("title", request.title, max_length=TITLE_LENGTH_MAX),
        request.lock_manual_changes,
        _fast_movers_days_of(check, request),
        _window_of(check, request),
    )


def _fast_movers_days_of(check: Check, request: pb.OpenStocktakeRequest) -> int:
    """0 when fast movers do not come first."""
    days = request.fast_movers_days
    if days and not request.fast_movers_first:
        check.add("fast_movers_days", "is only for fast_movers_first")
    check.whole("fast_movers_days", days, minimum=0, maximum=FAST_DAYS_MAX)
    return (days or FAST_DAYS) if request.fast_movers_first else 0


def _window_of(check: Check, request: pb.OpenStocktakeRequest) -> timedelta:
    if not request.HasField("movement_window"):
        return timedelta(seconds=WINDOW_S)
    return span_of(check, "movement_window", request.movement_window, minimum_s=0, maximum_s=WINDOW_S_MAX)


def span_of(check: Check, field: str, value: Duration, *, minimum_s: int, maximum_s: int) -> timedelta:
    """A length of time."""
    seconds = value.seconds + value.nanos / 1e9
    if not minimum_s <= seconds <= maximum_s:
        check.add(field, f"must be {minimum_s} to {maximum_s} seconds")
        return timedelta()
    return timedelta(seconds=seconds)


def scans_of(
    counts: Sequence[pb.Count], offset: timedelta, counter: str, now: datetime
) -> tuple[list[Scan | None], list[RowError]]:
    """The rows as scans, None for each that is wrong, and everything that is wrong with them."""
    rows: list[Scan | None] = []
    wrong: list[RowError] = []
    first_row: dict[str, int] = {}
    for row, count in enumerate(counts):
        found = list(_wrong_in(row, count))
        before = first_row.setdefault(count.scan_id, row)
        if before != row and counts[before] != count:
            found.append(RowError(row, "scan_id", f"is the id of row {before}, which says something else"))
        wrong += found
        rows.append(None if found else _scan(count, offset, counter, now))
    return rows, wrong


def _scan(count: pb.Count, offset: timedelta, counter: str, now: datetime) -> Scan:
    scanned = count.scan_time.ToDatetime(tzinfo=UTC) - offset if count.HasField("scan_time") else now
    return Scan(
        count.bin_code,
        count.sku_code,
        count.counted_quantity,
        scanned,
        count.scan_id,
        counter,
        round=0,
        lot=count.lot_code if count.lot_code or count.without_lot else None,
        expires_on=date.fromisoformat(count.expires_on) if count.expires_on else None,
    )


def _wrong_in(row: int, count: pb.Count) -> list[RowError]:
    found: list[RowError] = []
    if not is_code(count.bin_code, messages.BIN_CODE_LENGTH_MAX):
        found.append(RowError(row, "bin_code", "must be a bin's code, 1-32 characters without spaces"))
    if count.sku_code and not is_code(count.sku_code, SKU_LENGTH_MAX):
        found.append(RowError(row, "sku_code", "must be a SKU's code, or empty: nothing else is in the bin"))
    if not 0 <= count.counted_quantity <= COUNTED_MAX:
        found.append(RowError(row, "counted_quantity", f"must be 0 to {COUNTED_MAX:,}"))
    elif not count.sku_code and count.counted_quantity:
        found.append(RowError(row, "counted_quantity", "must be 0 where no SKU is named"))
    if not is_code(count.scan_id):
        found.append(RowError(row, "scan_id", "must be 1-64 of A-Z a-z 0-9 . _ : -"))
    if count.HasField("scan_time") and not 0 < count.scan_time.seconds < 253_402_300_800:
        found.append(RowError(row, "scan_time", "must be a time between 1970 and 9999"))
    says_lot = count.lot_code or count.without_lot or count.expires_on
    return found + _wrong_lot_in(row, count) if says_lot else found


def _wrong_lot_in(row: int, count: pb.Count) -> list[RowError]:
    check = Check()
    messages.lot_of(check, count.lot_code, count.expires_on)
    if count.without_lot and count.lot_code:
        check.add("without_lot", "must not be said of units that have a lot")
    if (count.without_lot or count.lot_code) and not count.sku_code:
        check.add("lot_code", "must be empty where no SKU is named")
    return [RowError(row, wrong.field, wrong.description) for wrong in check.violations]


def lines_of(check: Check, lines: Sequence[pb.CountLine]) -> list[LineKey]:
    """Lines of a count."""
    some = check.items("lines", lines, maximum=RECOUNT_LINES_MAX)
    return [
        (
            messages.bin_code_of(check, f"lines[{index}].bin_code", line.bin_code),
            check.code(f"lines[{index}].sku_code", line.sku_code),
        )
        for index, line in enumerate(some)
    ]


def costs_of(check: Check, costs: Sequence[pb.UnitCost]) -> dict[str, int]:
    """What a unit of each SKU costs."""
    found: dict[str, int] = {}
    for index, cost in enumerate(check.items("unit_costs", costs, maximum=COSTS_MAX)):
        field = f"unit_costs[{index}]"
        code = check.code(f"{field}.sku_code", cost.sku_code)
        if code in found:
            check.add(f"{field}.sku_code", "is named twice")
        found[code] = check.whole(
            f"{field}.unit_cost_minor", cost.unit_cost_minor, minimum=0, maximum=COST_MAX
        )
    return found


def stocktake_message(count: Stocktake) -> pb.Stocktake:
    """A count."""
    scope = count.scope
    message = pb.Stocktake(
        stocktake_id=str(count.stocktake_id),
        scope=pb.StocktakeScope(
            warehouse_code=scope.warehouse_code,
            zones=scope.zones,
            bin_codes=scope.bin_codes,
            sku_codes=scope.sku_codes,
        ),
        state=pb.StocktakeState.ValueType(count.state),
        lock_manual_changes=count.lock_manual_changes,
        title=count.title,
        open_time=timestamp(count.open_time),
        actor=count.actor,
        round=count.round,
        end_actor=count.end_actor,
        end_reason=count.end_reason,
    )
    message.movement_window.FromTimedelta(count.movement_window)
    if count.end_time is not None:
        message.end_time.CopyFrom(timestamp(count.end_time))
    return message


def step_message(step: Step) -> pb.StocktakeStep:
    """How a count came into a state."""
    return pb.StocktakeStep(
        state=pb.StocktakeState.ValueType(step.state),
        round=step.round,
        step_time=timestamp(step.step_time),
        actor=step.actor,
        request_id=step.request_id,
        reason=step.reason,
    )


def override_message(override: Override) -> pb.StocktakeOverride:
    """What was changed by hand all the same."""
    return pb.StocktakeOverride(
        override_time=timestamp(override.override_time),
        actor=override.actor,
        request_id=override.request_id,
        reason=override.reason,
    )


def row_error_message(error: RowError) -> pb.CountRowError:
    """What is wrong with a row."""
    return pb.CountRowError(row=error.row, field=error.field, description=error.description)


def instant_of(check: Check, known: Sequence[Any]) -> Instant:
    """Of which instant the pages are that a token continues."""
    sequence, position, text = known
    time = moment_in_token(check, text)
    if time.tzinfo is None:
        check.add("page_token", "holds a time without its zone; begin without one")
    return Instant(sequence, position, time)


def differences_of(review: Review, start: int, size: int) -> list[pb.CountDifference]:
    """A page of a review."""
    return [
        pb.CountDifference(
            bin_code=line.bin_code,
            sku_code=line.sku_code,
            ledger_quantity=line.ledger_quantity,
            counted_quantity=line.counted_quantity,
            value_difference_minor=review.value(line),
            verdict=pb.CountVerdict.ValueType(line.verdict),
            round=line.round,
            counters=line.counters,
            has_unit_cost=line.sku_code in review.costs,
            lot_code=line.lot or "",
            by_lot=line.lot is not None,
        )
        for line in review.lines[start : start + size]
    ]


def stocktake_id_of(check: Check, value: str) -> UUID:
    """The count that is meant."""
    return check.uuid("stocktake_id", value)


def wrong_counts(count: int) -> FieldViolation | None:
    """Whether there are too few or too many rows."""
    if 1 <= count <= COUNTS_MAX:
        return None
    return FieldViolation("counts", f"must have 1 to {COUNTS_MAX:,} rows, not {count}")
