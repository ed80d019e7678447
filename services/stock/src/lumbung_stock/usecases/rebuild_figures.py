"""Rebuild figures: set levels and places to what the ledger says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.lots import LotPlaceKey
from lumbung_stock.stores import levels, lots, places, rebuilt_figures, sellables
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls
from lumbung_stock.wire.events import availability_changed


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was set to the ledger's figure, and what was left: the ledger gives less than nothing there."""

    figures: tuple[LedgerDifference, ...]
    left: tuple[LedgerDifference, ...]


async def rebuild_figures(
    conn: Conn, author: Author, warehouse_code: str, sku_codes: Collection[str], *, reason: str
) -> Rebuilt:
    """Of these SKUs; no promise is taken back, what falls below them is a shortfall.

    Everything that could move these SKUs is locked before the ledger is read, so that no movement is counted twice or
    not at all. A SKU of which the ledger took more out of a place than it ever held is left as it is.
    """
    if not sku_codes:
        return Rebuilt((), ())
    wanted = sorted(sku_codes)
    keys = [(warehouse_code, sku_code) for sku_code in wanted]
    await levels.ensure_levels(conn, keys)
    await levels.lock_levels(conn, keys)
    await places.lock_places(
        conn, warehouse_code, await rebuilt_figures.find_places(conn, warehouse_code, wanted)
    )
    wrong = await rebuilt_figures.differences_of(conn, warehouse_code, wanted)
    wrong += await lots.lot_differences_of(conn, warehouse_code, wanted)
    impossible = {figure.sku_code for figure in wrong if figure.ledger_quantity < 0}
    figures = [figure for figure in wrong if figure.sku_code not in impossible]
    await _set_lots(conn, warehouse_code, [figure for figure in figures if figure.lot_code])
    figures += await lots.miscounted_expired(conn, warehouse_code, sorted(set(wanted) - impossible))
    await _set(conn, warehouse_code, [figure for figure in figures if not figure.lot_code])
    await rebuilt_figures.note_rebuilt(conn, warehouse_code, figures, author, reason)
    return Rebuilt(tuple(figures), tuple(figure for figure in wrong if figure.sku_code in impossible))


async def _set_lots(conn: Conn, warehouse_code: str, figures: Sequence[LedgerDifference]) -> None:
    """Lots at places; those that the ledger alone knows of are entered anew."""
    if figures:
        await lots.enter_warehouse(conn, warehouse_code, {(each.sku_code, each.lot_code) for each in figures})
        differences = {
            LotPlaceKey(each.place_code, each.sku_code, each.lot_code): _missing(each) for each in figures
        }
        await lots.change_lots(conn, warehouse_code, differences)


async def _set(conn: Conn, warehouse_code: str, figures: Sequence[LedgerDifference]) -> None:
    """By differences, as everything else changes figures; the rows are locked."""
    in_places = {(each.place_code, each.sku_code): _missing(each) for each in figures if each.place_code}
    changes = [_level_change(warehouse_code, each) for each in figures if not each.place_code]
    await places.change_places(conn, warehouse_code, in_places)
    if changes:
        changed = sorted({change.sku_code for change in changes})
        await levels.accept_reality(conn, changes)
        told = await settle_shortfalls(conn, [(warehouse_code, sku_code) for sku_code in changed])
        await events.append(conn, [*told, availability_changed(await sellables.affected(conn, changed))])


def _level_change(warehouse_code: str, figure: LedgerDifference) -> LevelChange:
    if figure.of_expired:
        return LevelChange(warehouse_code, figure.sku_code, expired=_missing(figure))
    return LevelChange(warehouse_code, figure.sku_code, on_hand=_missing(figure))


def _missing(figure: LedgerDifference) -> int:
    return figure.ledger_quantity - figure.stored_quantity
