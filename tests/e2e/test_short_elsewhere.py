"""A bin is empty, and no other bin of its warehouse has the goods: another warehouse sends them, and books agree."""

from __future__ import annotations

import secrets

import pytest

from lumbung.fulfillment.v1 import orders_pb2, waves_pb2
from lumbung.stock.v1 import geo_pb2, inventory_pb2, reservations_pb2, shortfalls_pb2
from lumbung_dev.demo.floor import Picker, scans_of
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.outlets import WEBSITE

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SKU = "KBL-CC-1M-HTM"
UNITS = 2
MEDAN = geo_pb2.GeoPoint(latitude_deg=3.59, longitude_deg=98.67)
ARRIVE_S_MAX = 60.0


async def _open_warehouse(staff: Services, code: str, run: str) -> None:
    """One bin with two units of one SKU, near a buyer in Medan, and the last by priority."""
    await patiently(
        staff.warehouses.CreateWarehouse,
        inventory_pb2.CreateWarehouseRequest(
            request_id=f"{run}:warehouse",
            warehouse=inventory_pb2.Warehouse(
                warehouse_code=code,
                name="Gudang Medan",
                time_zone="Asia/Jakarta",
                priority=1_000,
                aisle_x_m=[0],
                cross_aisle_y_m=[0, 10],
                location=MEDAN,
            ),
        ),
    )
    place = inventory_pb2.Bin(bin_code="A-01", kind=inventory_pb2.BIN_KIND_PICK, y_m=5, level=1)
    await patiently(
        staff.warehouses.PutBins,
        inventory_pb2.PutBinsRequest(request_id=f"{run}:bins", warehouse_code=code, bins=[place]),
    )
    line = inventory_pb2.ReceiptLine(sku_code=SKU, bin_code="A-01", quantity=UNITS)
    await patiently(
        staff.inventory.ReceiveStock,
        inventory_pb2.ReceiveStockRequest(
            request_id=f"{run}:receipt", warehouse_code=code, document=f"PO-{run}", lines=[line]
        ),
    )


async def _sell(storefront: Services, run: str) -> reservations_pb2.Reservation:
    held = await patiently(
        storefront.reservations.Reserve,
        reservations_pb2.ReserveRequest(
            request_id=f"{run}:reserve",
            channel_code=WEBSITE,
            lines=[reservations_pb2.ReserveLine(sku_code=SKU, quantity=UNITS)],
            sourcing=reservations_pb2.SOURCING_POLICY_NEAREST,
            allow_split=True,
            destination=MEDAN,
        ),
    )
    confirm = reservations_pb2.ConfirmRequest(
        request_id=f"{run}:confirm",
        reservation_id=held.reservation.reservation_id,
        order=reservations_pb2.OrderDetails(order_reference=f"SHORT-{run}"),
    )
    return (await patiently(storefront.reservations.Confirm, confirm)).reservation


async def _order(
    staff: Services, sold: reservations_pb2.Reservation, code: str, *states: orders_pb2.OrderState.ValueType
) -> orders_pb2.Order:
    """What one warehouse has to send, once it is in one of these states."""
    request = orders_pb2.ListOrdersRequest(reservation_id=sold.reservation_id, warehouse_code=code)

    async def there() -> orders_pb2.Order | None:
        found = (await patiently(staff.orders.ListOrders, request)).orders
        return next((order for order in found if order.state in states), None)

    return await eventually(there, f"the order of {code}", within_s=ARRIVE_S_MAX)


async def test_what_an_empty_bin_cannot_give_comes_from_another_warehouse(system: LocalSystem) -> None:
    run = secrets.token_hex(3).upper()
    code = f"MES-{run}"
    async with (
        system.client("staff:test") as staff,
        system.client("storefront:web") as storefront,
        system.client(f"terminal:{run}") as terminal,
    ):
        await _open_warehouse(staff, code, run)
        sold = await _sell(storefront, run)
        assert {draw.warehouse_code for draw in sold.draws} == {code}
        await _order(staff, sold, code, orders_pb2.ORDER_STATE_QUEUED)

        picker = Picker(terminal, f"cart-{run}", "sri", scans_of(f"{run}:pick"), code)
        await picker.sign_in()
        wave = await picker.claim()
        assert wave is not None, "planned for the cart that asks"
        (task,) = wave.tasks
        assert task.state == waves_pb2.PICK_STATE_OPEN
        short = await picker.find_empty(task)
        assert (short.missing_quantity, short.unsourced_quantity) == (UNITS, UNITS)
        await picker.sign_out()

        gone = await _order(staff, sold, code, orders_pb2.ORDER_STATE_CANCELLED)
        assert gone.reason == "another warehouse gives its goods"
        helper = await _order(staff, sold, warehouse.CODE, orders_pb2.ORDER_STATE_QUEUED)
        assert {line.sku_code: line.quantity for line in helper.lines} == {SKU: UNITS}

        hits = shortfalls_pb2.ListShortfallHitsRequest(warehouse_code=code)
        assert list((await patiently(staff.shortfalls.ListShortfallHits, hits)).hits) == []
        books = await patiently(staff.audit.VerifyLedger, inventory_pb2.VerifyLedgerRequest())
        assert list(books.differences) == []
        promises = await patiently(staff.audit.CheckPromises, inventory_pb2.CheckPromisesRequest())
        assert (promises.oversold_units, promises.conservation_gap_units) == (0, 0)
