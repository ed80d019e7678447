"""Every kind of movement, at random and at once, on a service that is killed in between: the books agree each time.

The walkers know nothing of the books. A call that a kill has cut off is repeated, as it was, at another replica.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from lumbung.stock.v1 import (
    availability_pb2,
    inventory_pb2_grpc,
    quarantine_pb2_grpc,
    receiving_pb2_grpc,
    reservations_pb2_grpc,
    transfers_pb2_grpc,
)
from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import quarantine_pb2 as quarantine_pb
from lumbung.stock.v1 import receiving_pb2 as receiving_pb
from lumbung.stock.v1 import reservations_pb2 as reservations_pb
from lumbung.stock.v1 import transfers_pb2 as transfers_pb
from lumbung_kit.clients import failure_from
from lumbung_kit.embedded.ports import free_port
from lumbung_kit.testing import open_cast_channel

pytestmark = pytest.mark.store

START_S_MAX = PATIENCE_S = 60.0
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
SKUS = ("BOX", "CUP")
RECIPE = {"BOX": 1, "CUP": 2}
HOUSES = ("JKT1", "SUB1")
BINS = ("A-01", "A-02")
TRACKED = "BOX"
LOTS = ("L1", "L2", "L3")
"""Of the SKU that is tracked by lot. L2 expires in the middle of it all, L3 has expired before."""
STUBS: dict[str, Callable[[grpc.aio.Channel], Any]] = {
    "inventory": inventory_pb2_grpc.InventoryServiceStub,
    "receiving": receiving_pb2_grpc.ReceivingServiceStub,
    "quarantine": quarantine_pb2_grpc.QuarantineServiceStub,
    "transfers": transfers_pb2_grpc.TransferServiceStub,
    "reservations": reservations_pb2_grpc.ReservationServiceStub,
}


@dataclass
class Walkers:
    """They ask `mortal` as long as it lives, then `survivor`; what they have made is there for all of them."""

    survivor: grpc.aio.Channel
    dice: random.Random
    new_id: Callable[[], str]
    mortal: grpc.aio.Channel | None = None
    sales: list[Any] = field(default_factory=list)
    transfers: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    steps: int = 0

    async def call(self, service: str, method: str, request: Any) -> Any:
        """The answer, or None when goods or promises forbid it; no other failure may be."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                channel = self.mortal or self.survivor
                try:
                    return await getattr(STUBS[service](channel), method)(request)
                except grpc.aio.AioRpcError as error:
                    failure, code = failure_from(error).reason, error.code()
                    if not self.passes(channel, code):
                        raise
                self.outcomes[failure] += 1
                if code is grpc.StatusCode.FAILED_PRECONDITION:
                    return None
                await asyncio.sleep(0.005)  # who was killed may have left its transaction open

    def passes(self, channel: grpc.aio.Channel, code: grpc.StatusCode) -> bool:
        """Whether the walk goes on: the call was refused, or its answer may still come, from another replica too."""
        if channel is not self.survivor and code is grpc.StatusCode.UNAVAILABLE:
            self.mortal = None
        return code in PASSING or code is grpc.StatusCode.FAILED_PRECONDITION

    async def walk(self, steps: int) -> None:
        for _ in range(steps):
            verb = self.dice.choice(VERBS)
            if await getattr(self, verb)() is not None:
                self.outcomes[verb] += 1
            self.steps += 1

    def fields(self) -> dict[str, Any]:
        return {
            "request_id": self.new_id(),
            "warehouse_code": self.dice.choice(HOUSES),
            "sku_code": self.dice.choice(SKUS),
        }

    def goods(self, most: int = 4) -> dict[str, Any]:
        fields = self.fields()
        return {
            **fields,
            "bin_code": self.dice.choice(BINS),
            "quantity": self.dice.randint(1, most),
            "lot_code": self.dice.choice(("", *LOTS)) if fields["sku_code"] == TRACKED else "",
        }

    def line(self, place: str, sku: str = "", most: int = 4) -> pb.ReceiptLine:
        sku = sku or self.dice.choice(SKUS)
        return pb.ReceiptLine(
            sku_code=sku,
            bin_code=place,
            quantity=self.dice.randint(1, most),
            lot_code=self.dice.choice(LOTS) if sku == TRACKED else "",
        )

    def of_a_sale(self) -> dict[str, Any]:
        """A draw of some sale, in its own warehouse."""
        sale = self.dice.choice(self.sales)
        draw = self.dice.choice(sale.draws)
        return {
            "request_id": self.new_id(),
            "reservation_id": sale.reservation_id,
            "warehouse_code": draw.warehouse_code,
            "sku_code": draw.sku_code,
        }

    async def receive(self) -> Any:
        place = self.dice.choice((*BINS, "RECEIVING", "QUARANTINE"))
        request = pb.ReceiveStockRequest(
            request_id=self.new_id(),
            warehouse_code=self.dice.choice(HOUSES),
            document="PO",
            lines=[self.line(place)],
        )
        return await self.call("inventory", "ReceiveStock", request)

    async def put_away(self) -> Any:
        request = receiving_pb.PutAwayRequest(
            request_id=self.new_id(),
            warehouse_code=self.dice.choice(HOUSES),
            lines=[self.line("A-01", most=2)],
        )
        return await self.call("receiving", "PutAway", request)

    async def move(self) -> Any:
        goods = self.goods()
        del goods["bin_code"]
        request = pb.MoveBetweenBinsRequest(**goods, from_bin_code="A-01", to_bin_code="A-02")
        return await self.call("inventory", "MoveBetweenBins", request)

    async def adjust(self) -> Any:
        goods = self.goods()
        difference = goods.pop("quantity") * self.dice.choice((-1, 1))
        request = pb.AdjustStockRequest(**goods, difference=difference, reason="damaged")
        return await self.call("inventory", "AdjustStock", request)

    async def scrap(self) -> Any:
        request = pb.ScrapStockRequest(**self.goods(2), reason="broken")
        return await self.call("inventory", "ScrapStock", request)

    async def set_apart(self) -> Any:
        request = quarantine_pb.MoveToQuarantineRequest(**self.goods(2), reason="wet")
        return await self.call("quarantine", "MoveToQuarantine", request)

    async def let_go(self) -> Any:
        request = quarantine_pb.ReleaseFromQuarantineRequest(**self.goods(2), reason="dry")
        return await self.call("quarantine", "ReleaseFromQuarantine", request)

    async def transfer(self) -> Any:
        source, target = self.dice.sample(HOUSES, 2)
        request = pb.TransferToWarehouseRequest(
            request_id=self.new_id(),
            from_warehouse_code=source,
            to_warehouse_code=target,
            lines=[self.line("A-01", sku) for sku in SKUS],
        )
        sent = await self.call("inventory", "TransferToWarehouse", request)
        if sent is not None:
            self.transfers.append(sent.transfer_id)
        return sent

    async def take_in(self) -> Any:
        if not self.transfers:
            return None
        request = pb.ReceiveTransferRequest(
            request_id=self.new_id(),
            transfer_id=self.dice.choice(self.transfers),
            lines=[self.line(self.dice.choice(BINS), most=2)],
            accept_reason=self.dice.choice(("", "", "found in the box")),
        )
        return await self.call("inventory", "ReceiveTransfer", request)

    async def give_up(self) -> Any:
        if not self.transfers:
            return None
        request = transfers_pb.CloseTransferRequest(
            request_id=self.new_id(), transfer_id=self.dice.choice(self.transfers), reason="never came"
        )
        return await self.call("transfers", "CloseTransfer", request)

    async def sell(self) -> Any:
        line = reservations_pb.ReserveLine(
            sku_code=self.dice.choice((*SKUS, "SET")), quantity=self.dice.randint(1, 2)
        )
        ask = reservations_pb.ReserveRequest(request_id=self.new_id(), channel_code="web", lines=[line])
        held = await self.call("reservations", "Reserve", ask)
        if held is None:
            return None
        request_id = self.new_id()
        confirm = reservations_pb.ConfirmRequest(
            request_id=request_id,
            reservation_id=held.reservation.reservation_id,
            order=reservations_pb.OrderDetails(order_reference=request_id),
        )
        sold = await self.call("reservations", "Confirm", confirm)
        self.sales.append(sold.reservation)
        return sold

    async def cancel(self) -> Any:
        if not self.sales:
            return None
        request = reservations_pb.CancelReservationRequest(
            request_id=self.new_id(),
            reservation_id=self.dice.choice(self.sales).reservation_id,
            reason="changed their mind",
        )
        return await self.call("reservations", "CancelReservation", request)

    async def ship(self) -> Any:
        """All of a sale is picked and leaves, as far as it can be."""
        if not self.sales:
            return None
        sale = self.dice.choice(self.sales)
        for draw in sale.draws:
            pick = pb.RecordPickRequest(
                request_id=self.new_id(),
                reservation_id=sale.reservation_id,
                warehouse_code=draw.warehouse_code,
                sku_code=draw.sku_code,
                bin_code=self.dice.choice(BINS),
                quantity=draw.quantity,
            )
            await self.call("inventory", "RecordPick", pick)
        request = pb.ShipReservationRequest(
            request_id=self.new_id(), reservation_id=sale.reservation_id, document="JNE"
        )
        return await self.call("inventory", "ShipReservation", request)

    async def put_back(self) -> Any:
        if not self.sales:
            return None
        request = pb.RecordPutBackRequest(**self.of_a_sale(), bin_code="A-01", quantity=1)
        return await self.call("inventory", "RecordPutBack", request)

    async def replace(self) -> Any:
        if not self.sales:
            return None
        request = pb.RecordReplacementRequest(
            **self.of_a_sale(), bin_code=self.dice.choice(BINS), quantity=1, reason="torn"
        )
        return await self.call("inventory", "RecordReplacement", request)

    async def take_back(self) -> Any:
        if not self.sales:
            return None
        request = pb.RecordReturnRequest(
            **self.of_a_sale(), quantity=1, condition=pb.RETURN_CONDITION_RESTOCK, bin_code="A-02"
        )
        return await self.call("inventory", "RecordReturn", request)


VERBS = (
    *("receive", "sell", "ship", "transfer", "take_in") * 2,
    *("put_away", "move", "adjust", "scrap", "set_apart", "let_go", "give_up"),
    *("cancel", "put_back", "replace", "take_back"),
)


@asynccontextmanager
async def mortal(shop: Any) -> AsyncIterator[tuple[asyncio.subprocess.Process, grpc.aio.Channel]]:
    """A replica in a process of its own that answers; killed at the end, if not before."""
    address = f"127.0.0.1:{free_port()}"
    environment = os.environ | {
        "LUMBUNG_STOCK_LISTEN": address,
        "LUMBUNG_STOCK_POSTGRES_URL": shop.settings.postgres_url.get_secret_value(),
        "LUMBUNG_STOCK_VALKEY_URL": shop.settings.valkey_url.get_secret_value(),
        "LUMBUNG_STOCK_CATALOG_TARGET": shop.settings.catalog_target,
        "LUMBUNG_STOCK_LOG_LEVEL": "WARNING",
    }
    started = await asyncio.create_subprocess_exec(sys.executable, "-m", "lumbung_stock", env=environment)
    try:
        async with open_cast_channel(address) as channel:
            await asyncio.wait_for(channel.channel_ready(), START_S_MAX)
            yield started, channel
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def require_true_figures(house: Any) -> None:
    """Ledger, places, levels, transfers, promises and the chain agree; a bundle is what its scarcest part allows."""
    report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest())
    assert (list(report.differences), list(report.chain_breaks)) == ([], [])
    promises = await house.audit.CheckPromises(pb.CheckPromisesRequest())
    assert (promises.oversold_units, promises.conservation_gap_units, promises.leaked_holds) == (0, 0, 0)
    assert await house.shop.troubles() == []
    open_ones = await house.shop.scalar("SELECT count(*) FROM shortfall WHERE resolve_time IS NULL")
    assert open_ones == await house.shop.scalar("SELECT count(*) FROM level WHERE shortfall > 0")
    for code in HOUSES:
        possible = [await free(house, sku, code) // units for sku, units in RECIPE.items()]
        assert await free(house, "SET", code) == min(possible)


async def free(house: Any, sku: str, warehouse_code: str) -> int:
    request = availability_pb2.GetAvailabilityRequest(sku_code=sku, warehouse_code=warehouse_code)
    answer = await house.availability.GetAvailability(request)
    return int(answer.availability.available_to_promise)


async def test_movements_of_every_kind_at_once_and_killed_in_between_leave_true_books(
    house: Any, seed: int
) -> None:
    await two_houses(house)
    walkers = Walkers(house.shop.channel, random.Random(seed), house.new_id)
    for begin in (walkers.receive, walkers.sell, walkers.transfer):
        assert await begin() is not None
    for _ in range(2):
        await expire(house, "L2")
        async with mortal(house.shop) as (process, walkers.mortal):
            walking = [asyncio.create_task(walkers.walk(20)) for _ in range(6)]
            until = walkers.steps + walkers.dice.randint(10, 60)
            await house.shop.until(lambda until=until: reached(walkers, until))
            process.kill()
            await asyncio.gather(*walking)
        await require_true_figures(house)
    entries = "SELECT count(DISTINCT lot_code) FROM ledger_entry WHERE sku_code = %s AND lot_code <> ''"
    assert await house.shop.scalar(entries, TRACKED) == len(LOTS)


async def expire(house: Any, lot_code: str) -> None:
    """The lot's last day is over, or is not, by turns: somebody comes round to mark it while goods move."""
    await house.shop.sql.execute(
        "UPDATE warehouse_lot SET last_sale_day = current_date + CASE WHEN expired THEN 30 ELSE -30 END"
        " WHERE lot_code = %s",
        (lot_code,),
    )


async def reached(walkers: Walkers, steps: int) -> bool:
    return walkers.steps >= steps


async def two_houses(house: Any) -> None:
    """JKT1 and SUB1 with two bins each and some stock of everything in them, and a bundle."""
    await house.warehouses.CreateWarehouse(
        pb.CreateWarehouseRequest(
            request_id=house.new_id(),
            warehouse=pb.Warehouse(
                warehouse_code="SUB1",
                name="Surabaya",
                time_zone="Asia/Jakarta",
                priority=9,
                aisle_x_m=[0],
                cross_aisle_y_m=[0, 9],
            ),
        )
    )
    bins = [pb.Bin(bin_code=code, kind=pb.BIN_KIND_PICK, y_m=1, level=1) for code in BINS]
    await house.warehouses.PutBins(
        pb.PutBinsRequest(request_id=house.new_id(), warehouse_code="SUB1", bins=bins)
    )
    for sku in SKUS:
        await house.know(sku)
    await house.know("SET", RECIPE)
    await house.shop.sql.execute("UPDATE sku SET lot_tracking = 1 WHERE sku_code = %s", (TRACKED,))
    days = {"L2": "2999-12-31", "L3": "2020-12-31"}
    for code in HOUSES:
        lines = [
            pb.ReceiptLine(
                sku_code=sku, bin_code=place, quantity=units, lot_code=lot, expires_on=days.get(lot, "")
            )
            for sku, lot, units in (("CUP", "", 15), *((TRACKED, lot, 6) for lot in LOTS))
            for place in BINS
        ]
        request = pb.ReceiveStockRequest(
            request_id=house.new_id(), warehouse_code=code, document="PO", lines=lines
        )
        await house.inventory.ReceiveStock(request)
