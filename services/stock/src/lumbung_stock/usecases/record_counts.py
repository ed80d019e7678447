"""Record counts: all of them, or none and every row that is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.lots import LotKey, LotTracking
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.domain.stocktakes import COUNTED_IN, Scan, Stocktake
from lumbung_stock.stores import stocktakes
from lumbung_stock.stores.lots import find_lots
from lumbung_stock.stores.reservations import clock
from lumbung_stock.stores.skus import find_skus


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one field of a row, and what would be right."""

    row: int
    field: str
    description: str


class RowsWrongError(Exception):
    """Rows that cannot be written; nothing is."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__(f"{len(errors)} rows")
        self.errors = list(errors)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many scans were new, and how many had been seen before."""

    new: int
    repeated: int


async def record_counts(
    conn: Conn,
    author: Author,
    count: Stocktake,
    rows: Sequence[Scan | None],
    wrong: Sequence[RowError],
    *,
    validate_only: bool,
) -> Recorded:
    """Writes the scans of one counter. `count` is shared by the caller, `rows` has None for rows of `wrong`.

    Raises StocktakeWrongState, RowsWrongError.
    """
    count.require(*COUNTED_IN)
    errors = [*wrong, *await _errors(conn, count, rows)]
    if errors:
        raise RowsWrongError(sorted(errors, key=lambda error: (error.row, error.field)))
    if validate_only:
        return Recorded(0, 0)
    scans = [replace(scan, round=count.round) for scan in rows if scan is not None]
    named = [scan for scan in scans if scan.sku_code]
    new = len(await stocktakes.insert_scans(conn, count.stocktake_id, named, author))
    new += await _nothing_else(conn, count, author, [scan for scan in scans if not scan.sku_code])
    return Recorded(new, len(scans) - new)


async def _nothing_else(conn: Conn, count: Stocktake, author: Author, scans: Sequence[Scan]) -> int:
    """Whatever nobody has counted in these bins is not there. A scan sent again says nothing of a later round."""
    uncounted = await _uncounted_in(conn, count, {scan.bin_code for scan in scans})
    new = await stocktakes.insert_scans(conn, count.stocktake_id, scans, author)
    zeros = [
        replace(scan, sku_code=sku, lot=lot, scan_id="/".join((scan.scan_id, sku, *([lot] if lot else []))))
        for scan in scans
        if scan.scan_id in new
        for sku, lot in uncounted.pop(scan.bin_code, ())
        if sku
    ]
    await stocktakes.insert_scans(conn, count.stocktake_id, zeros, author)
    return len(new)


async def _uncounted_in(
    conn: Conn, count: Stocktake, bins: Collection[str]
) -> dict[str, list[tuple[str, str | None]]]:
    """By bin, SKUs that nobody has counted in this round, and lots of those that are being counted by lot."""
    if not bins:
        return {}
    found: dict[str, list[tuple[str, str | None]]] = {}
    for bin_code, sku in await stocktakes.find_uncounted(conn, count, count.round, bins):
        found.setdefault(bin_code, []).append((sku, None))
    for bin_code, sku, lot in await stocktakes.find_uncounted_lots(conn, count, count.round, bins):
        found.setdefault(bin_code, []).append((sku, lot))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What rows are held against: bins of the scope, SKUs and lots that there are, and the time."""

    bins: Collection[str]
    skus: Mapping[str, SkuRecord]
    lots: Mapping[LotKey, date | None]
    now: datetime


async def _errors(conn: Conn, count: Stocktake, rows: Sequence[Scan | None]) -> list[RowError]:
    """What only the store knows of them."""
    there = [scan for scan in rows if scan is not None]
    known = _Known(
        await stocktakes.counted_bins(conn, count.stocktake_id, sorted({scan.bin_code for scan in there})),
        await find_skus(conn, sorted({scan.sku_code for scan in there if scan.sku_code})),
        await _lots(conn, count, there),
        await clock(conn),
    )
    found = await _reused_ids(conn, count, rows)
    for row, scan in enumerate(rows):
        if scan is not None:
            found += _errors_of(row, scan, count, known)
    return found


async def _lots(conn: Conn, count: Stocktake, scans: Sequence[Scan]) -> dict[LotKey, date | None]:
    """Those that somebody has received, with their last day; and those that were counted before with one."""
    named = {(scan.sku_code, scan.lot) for scan in scans if scan.lot}
    if not named:
        return {}
    said: dict[LotKey, date | None] = {**await stocktakes.said_days(conn, count.stocktake_id, named)}
    for scan in scans:
        if scan.lot and scan.expires_on:
            said.setdefault((scan.sku_code, scan.lot), scan.expires_on)
    return {**said, **await find_lots(conn, named)}


async def _reused_ids(conn: Conn, count: Stocktake, rows: Sequence[Scan | None]) -> list[RowError]:
    """A scan counts once; another one under its id would be lost."""
    ids = [scan.scan_id for scan in rows if scan is not None]
    known = await stocktakes.known_scans(conn, count.stocktake_id, ids)
    return [
        RowError(row, "scan_id", f"{scan.scan_id} is the id of an earlier scan, which says something else")
        for row, scan in enumerate(rows)
        if scan is not None and known.get(scan.scan_id, _said_by(scan)) != _said_by(scan)
    ]


def _said_by(scan: Scan) -> stocktakes.Said:
    return stocktakes.Said(
        scan.bin_code, scan.sku_code, scan.counted_quantity, scan.counter, scan.lot, scan.expires_on
    )


def _errors_of(row: int, scan: Scan, count: Stocktake, known: _Known) -> list[RowError]:
    found: list[RowError] = []
    if scan.bin_code not in known.bins:
        found.append(RowError(row, "bin_code", f"{scan.bin_code} is not in the scope of this stocktake"))
    if scan.sku_code and (wrong := _wrong_sku(scan.sku_code, count, known)):
        found.append(RowError(row, "sku_code", wrong))
    elif scan.lot is not None:
        found += _wrong_lot(row, scan, known)
    if scan.scan_time < count.round_time:
        found.append(
            RowError(row, "scan_time", f"must not be before the round began, {count.round_time.isoformat()}")
        )
    if scan.scan_time > known.now:
        found.append(RowError(row, "scan_time", "must not be in the future; is the terminal's clock right?"))
    return found


def _wrong_sku(sku: str, count: Stocktake, known: _Known) -> str:
    """What is wrong with it, or nothing."""
    if count.scope.sku_codes and sku not in count.scope.sku_codes:
        return f"{sku} is not in the scope of this stocktake"
    if sku not in known.skus:
        return f"no SKU has the code {sku}"
    return f"{sku} is a bundle: count its components" if known.skus[sku].is_bundle else ""


def _wrong_lot(row: int, scan: Scan, known: _Known) -> list[RowError]:
    tracking = known.skus[scan.sku_code].lot_tracking
    if not tracking:
        return [RowError(row, "lot_code", f"{scan.sku_code} is not tracked by lot: leave it out")]
    key = (scan.sku_code, scan.lot or "")
    day = known.lots.get(key)
    if scan.lot and key not in known.lots and tracking == LotTracking.LOT_AND_EXPIRY:
        return [RowError(row, "expires_on", f"nobody has received lot {scan.lot}: say its last day")]
    if scan.expires_on and key in known.lots and day != scan.expires_on:
        right = day.isoformat() if day else "none"
        return [RowError(row, "expires_on", f"lot {scan.lot} is known with the last day {right}")]
    return []
