"""Report a flash sale: units by state and answers by reason, from Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem
from lumbung_stock.domain.reservation_failures import FlashSaleNotFound
from lumbung_stock.domain.reservations import ReservationState
from lumbung_stock.stores import flash_sales, waiting_rooms
from lumbung_stock.stores.waiting_rooms import RoomReport


@dataclass(frozen=True, slots=True)
class ItemReport:
    """One item with its units in holds, and sold but not shipped."""

    item: FlashSaleItem
    held: int
    sold: int

    @property
    def oversold(self) -> int:
        """Units given away beyond the quota."""
        given = self.held + self.sold + self.item.shipped + self.item.returned + self.item.remaining
        return max(0, given - self.item.quota)


@dataclass(frozen=True, slots=True)
class SaleReport:
    """What became of a sale. `answers` are (reason, channel, count)."""

    sale: FlashSale
    items: Sequence[ItemReport]
    answers: Sequence[tuple[str, str, int]]
    waiting_room: RoomReport | None


async def report_flash_sale(conn: Conn, code: str) -> SaleReport:
    """Reads it all in the caller's transaction, which sees one instant when it is REPEATABLE READ."""
    await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    sales = await flash_sales.find_sales(conn, [code])
    if code not in sales:
        raise FlashSaleNotFound(metadata={"flash_sale_code": code})
    units = await flash_sales.units_by_state(conn, code)
    items = [
        ItemReport(
            item,
            held=units.get((item.warehouse_code, item.sku_code, ReservationState.HELD), 0),
            sold=units.get((item.warehouse_code, item.sku_code, ReservationState.CONFIRMED), 0),
        )
        for item in sales[code].items
    ]
    return SaleReport(
        sales[code], items, await flash_sales.answers(conn, code), await waiting_rooms.report(conn, code)
    )
