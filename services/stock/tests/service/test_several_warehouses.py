"""One cart out of several warehouses: sourced, held, sold in part, picked and shipped by shares (P1, P4, P5, P6)."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from lumbung.stock.v1 import inventory_pb2 as inventory_pb
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1.geo_pb2 import GeoPoint

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

PLACES = {"JKT1": (-6.2, 106.8), "BDG1": (-6.9, 107.6), "SUB1": (-7.25, 112.75)}
IN_MALANG = GeoPoint(latitude_deg=-7.98, longitude_deg=112.63)
PRIORITY, FEWEST, NEAREST = (
    pb.SOURCING_POLICY_PRIORITY,
    pb.SOURCING_POLICY_FEWEST_PARCELS,
    pb.SOURCING_POLICY_NEAREST,
)
Units = dict[tuple[str, str], int]


@pytest.fixture
async def shop(shop: Shop) -> Shop:
    """With warehouses in Jakarta, Bandung and Surabaya, by priority in this order."""
    await shop.sql.execute("UPDATE warehouse SET latitude_deg = %s, longitude_deg = %s", (*PLACES["JKT1"],))
    await shop.put_warehouse("BDG1", priority=2, at=PLACES["BDG1"])
    await shop.put_warehouse("SUB1", priority=3, at=PLACES["SUB1"])
    return shop


async def stock(shop: Shop, units: Units) -> None:
    """Units on hand by (warehouse, SKU)."""
    for (warehouse, sku), quantity in units.items():
        await shop.put(sku, quantity, warehouse=warehouse)


def ask(shop: Shop, lines: dict[str, int], policy: Any = PRIORITY, **fields: Any) -> pb.ReserveRequest:
    """A Reserve that several warehouses may serve."""
    request = shop.ask(lines)
    request.sourcing = policy
    request.allow_split = fields.pop("allow_split", True)
    request.warehouse_code = fields.pop("warehouse_code", "")
    if policy == NEAREST:
        request.destination.CopyFrom(IN_MALANG)
    return request


def drawn(reservation: pb.Reservation) -> Units:
    """Units by (warehouse, SKU)."""
    return {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in reservation.draws}


async def held(shop: Shop, request: pb.ReserveRequest) -> Units:
    """What a Reserve draws."""
    return drawn((await shop.reservations.Reserve(request)).reservation)


async def levels(shop: Shop, columns: str = "on_hand, held, sold") -> dict[tuple[str, str], tuple[int, ...]]:
    """Figures by (warehouse, SKU)."""
    rows = await shop.rows(f"SELECT warehouse_code, sku_code, {columns} FROM level")  # noqa: S608
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


class TestPolicies:
    """Who gives."""

    STOCK = {("JKT1", "A"): 1, ("BDG1", "A"): 2, ("SUB1", "A"): 5, ("SUB1", "B"): 1}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("policy", "split", "lines", "expected"),
        [
            (PRIORITY, True, {"A": 4}, {("JKT1", "A"): 1, ("BDG1", "A"): 2, ("SUB1", "A"): 1}),
            (PRIORITY, False, {"A": 4}, {("SUB1", "A"): 4}),
            (FEWEST, True, {"A": 4}, {("SUB1", "A"): 4}),
            (FEWEST, True, {"A": 6}, {("JKT1", "A"): 1, ("SUB1", "A"): 5}),
            (FEWEST, True, {"A": 2, "B": 1}, {("SUB1", "A"): 2, ("SUB1", "B"): 1}),
            (FEWEST, False, {"A": 1}, {("JKT1", "A"): 1}),
            (NEAREST, True, {"A": 7}, {("SUB1", "A"): 5, ("BDG1", "A"): 2}),
            (NEAREST, False, {"A": 1}, {("SUB1", "A"): 1}),
            (pb.SOURCING_POLICY_UNSPECIFIED, False, {"A": 2}, {("BDG1", "A"): 2}),
        ],
    )
    async def test_as_asked(
        self, shop: Shop, policy: Any, split: bool, lines: dict[str, int], expected: Units
    ) -> None:
        await stock(shop, self.STOCK)
        request = ask(shop, lines, policy, allow_split=split)
        assert await held(shop, request) == expected
        assert await held(shop, request) == expected
        await shop.require_conserved()

    async def test_a_named_warehouse_overrides(self, shop: Shop) -> None:
        await stock(shop, self.STOCK)
        assert await held(shop, ask(shop, {"A": 2}, NEAREST, warehouse_code="BDG1")) == {("BDG1", "A"): 2}
        more = ask(shop, {"A": 1}, FEWEST, warehouse_code="BDG1")
        assert await shop.outcome(shop.reservations.Reserve(more)) == "OUT_OF_STOCK"

    async def test_a_bundle_is_put_together_in_one_warehouse(self, shop: Shop) -> None:
        await stock(shop, {("JKT1", "A"): 1, ("BDG1", "B"): 5, ("SUB1", "A"): 1, ("SUB1", "B"): 1})
        await shop.put("SET", 0, bundle={"A": 1, "B": 1})
        assert await held(shop, ask(shop, {"SET": 1})) == {("SUB1", "A"): 1, ("SUB1", "B"): 1}
        refusal = await shop.refusal(shop.reservations.Reserve(ask(shop, {"SET": 1})))
        (line,) = refusal.lines
        assert (refusal.reason, line.available_quantity, line.blocking_sku_code) == ("OUT_OF_STOCK", 0, "A")
        assert refusal.HasField("retry_delay")
        await shop.require_conserved()

    async def test_the_refusal_counts_all_warehouses_together_and_holds_nothing(self, shop: Shop) -> None:
        await stock(shop, self.STOCK)
        before = await levels(shop)
        refusal = await shop.refusal(shop.reservations.Reserve(ask(shop, {"A": 9, "B": 1}, FEWEST)))
        assert [
            (line.sku_code, line.asked_quantity, line.available_quantity, line.blocking_sku_code)
            for line in refusal.lines
        ] == [("A", 9, 8, "A")]
        assert await levels(shop) == before

    async def test_a_warehouse_without_a_place_comes_last_and_a_new_one_is_known_at_once(
        self, shop: Shop
    ) -> None:
        await shop.put_warehouse("NEW1", priority=0)
        await stock(shop, {("NEW1", "A"): 5, ("SUB1", "A"): 1})
        assert await held(shop, ask(shop, {"A": 2}, NEAREST)) == {("SUB1", "A"): 1, ("NEW1", "A"): 1}

    async def test_many_callers_get_no_more_than_there_is(self, shop: Shop, seed: int) -> None:
        """Two replicas, every policy, bundles among them."""
        chance = random.Random(seed)
        await stock(shop, {(code, sku): chance.randint(5, 15) for code in PLACES for sku in "AB"})
        await shop.put("SET", 0, bundle={"A": 2, "B": 1})
        async with shop.replica() as other:
            requests = [
                ask(
                    shop,
                    {chance.choice(["A", "B", "SET"]): chance.randint(1, 4)},
                    chance.choice([PRIORITY, FEWEST, NEAREST]),
                    allow_split=chance.random() < 0.8,
                )
                for _ in range(80)
            ]
            answers = await shop.outcomes(
                *(chance.choice([shop, other]).reservations.Reserve(request) for request in requests)
            )
        assert answers["HELD"] > 5
        assert answers["HELD"] + answers["OUT_OF_STOCK"] == 80
        await shop.require_conserved()


class TestInPart:
    """A split hold sold in part."""

    async def test_bundles_stay_together_and_few_warehouses_send(self, shop: Shop) -> None:
        await stock(shop, {("JKT1", "A"): 3, ("JKT1", "B"): 1, ("BDG1", "A"): 5, ("BDG1", "B"): 5})
        await shop.put("SET", 0, bundle={"A": 1, "B": 1})
        request = ask(shop, {"A": 3, "SET": 2})
        hold = (await shop.reservations.Reserve(request)).reservation
        assert drawn(hold) == {("JKT1", "A"): 3, ("JKT1", "B"): 1, ("BDG1", "A"): 2, ("BDG1", "B"): 1}
        confirmation = shop.confirmation(hold)
        confirmation.partial_lines.add(sku_code="SET", quantity=1)
        confirmation.partial_lines.add(sku_code="A", quantity=1)
        sold = (await shop.reservations.Confirm(confirmation)).reservation
        assert drawn(sold) == {("BDG1", "A"): 2, ("BDG1", "B"): 1}
        assert (await shop.reservations.Reserve(request)).reservation == hold
        await shop.require_conserved()


class TestByShares:
    """Each warehouse picks and ships its own."""

    async def floor(self, shop: Shop, house: Any) -> pb.Reservation:
        """Five units of A on the floors of Jakarta and Surabaya, three and two of them sold to one buyer."""
        await house.know("A")
        await shop.sql.execute("INSERT INTO ledger_head VALUES ('SUB1') ON CONFLICT DO NOTHING")
        await house.warehouses.PutBins(
            inventory_pb.PutBinsRequest(
                request_id=shop.new_id(),
                warehouse_code="SUB1",
                bins=[inventory_pb.Bin(bin_code="A-01", kind=inventory_pb.BIN_KIND_PICK, level=1)],
            )
        )
        for warehouse, units in (("JKT1", 3), ("SUB1", 4)):
            line = inventory_pb.ReceiptLine(sku_code="A", bin_code="A-01", quantity=units)
            await house.inventory.ReceiveStock(
                inventory_pb.ReceiveStockRequest(
                    request_id=shop.new_id(), warehouse_code=warehouse, document="PO-1", lines=[line]
                )
            )
        hold = (await shop.reservations.Reserve(ask(shop, {"A": 5}))).reservation
        assert drawn(hold) == {("JKT1", "A"): 3, ("SUB1", "A"): 2}
        return await shop.confirm(hold)

    async def pick(self, shop: Shop, house: Any, sold: pb.Reservation, warehouse: str, units: int) -> None:
        await house.inventory.RecordPick(
            inventory_pb.RecordPickRequest(
                request_id=shop.new_id(),
                reservation_id=sold.reservation_id,
                warehouse_code=warehouse,
                sku_code="A",
                bin_code="A-01",
                quantity=units,
            )
        )

    def parcel(self, shop: Shop, sold: pb.Reservation, warehouse: str) -> inventory_pb.ShipReservationRequest:
        return inventory_pb.ShipReservationRequest(
            request_id=shop.new_id(),
            reservation_id=sold.reservation_id,
            document=f"JNE-{warehouse}",
            warehouse_code=warehouse,
        )

    async def test_two_parcels_and_the_books_agree_after_each(self, shop: Shop, house: Any) -> None:
        sold = await self.floor(shop, house)
        confirmation_again = await shop.get(sold)
        await self.pick(shop, house, sold, "SUB1", 2)
        early = await shop.refused(house.inventory.ShipReservation(self.parcel(shop, sold, "JKT1")))
        assert (early.reason, early.metadata["warehouse_code"]) == ("NOT_PICKED", "JKT1")
        whole = await shop.refused(house.inventory.ShipReservation(self.parcel(shop, sold, "")))
        assert whole.reason == "NOT_PICKED"

        first = self.parcel(shop, sold, "SUB1")
        shipped = await house.inventory.ShipReservation(first)
        assert [(entry.warehouse_code, entry.quantity, entry.document) for entry in shipped.entries] == [
            ("SUB1", 2, "JNE-SUB1")
        ]
        assert await house.inventory.ShipReservation(first) == shipped
        between = await shop.get(sold)
        assert between.state == pb.RESERVATION_STATE_CONFIRMED
        assert between.resolve_time == confirmation_again.resolve_time
        assert [(draw.warehouse_code, draw.shipped) for draw in between.draws] == [
            ("JKT1", False),
            ("SUB1", True),
        ]
        assert await levels(shop) == {("JKT1", "A"): (3, 0, 3), ("SUB1", "A"): (2, 0, 0)}
        assert await house.events("reservation_shipped") == []
        await house.require_agreement()

        again = await shop.refused(house.inventory.ShipReservation(self.parcel(shop, sold, "SUB1")))
        assert (again.reason, again.metadata["warehouse_code"]) == ("NOTHING_TO_SHIP", "SUB1")
        taken_back = await shop.refused(shop.reservations.CancelReservation(shop.cancellation(sold)))
        assert (taken_back.reason, taken_back.metadata["warehouse_codes"]) == ("ALREADY_SHIPPED", "SUB1")

        await self.pick(shop, house, sold, "JKT1", 3)
        await house.inventory.ShipReservation(self.parcel(shop, sold, "JKT1"))
        assert (await shop.get(sold)).state == pb.RESERVATION_STATE_SHIPPED
        assert await levels(shop) == {("JKT1", "A"): (0, 0, 0), ("SUB1", "A"): (2, 0, 0)}
        (event,) = await house.events("reservation_shipped")
        assert [draw.shipped for draw in event.reservation_shipped.reservation.draws] == [True, True]
        await house.require_agreement()
        await shop.require_conserved()

    async def test_the_confirm_is_answered_again_as_nothing_had_left(self, shop: Shop, house: Any) -> None:
        await self.floor(shop, house)
        confirmation = shop.confirmation((await shop.reservations.Reserve(ask(shop, {"A": 2}))).reservation)
        sold = (await shop.reservations.Confirm(confirmation)).reservation
        await self.pick(shop, house, sold, "SUB1", 2)
        await house.inventory.ShipReservation(self.parcel(shop, sold, "SUB1"))
        assert (await shop.reservations.Confirm(confirmation)).reservation == sold

    async def test_shares_of_one_sale_leave_at_once(self, shop: Shop, house: Any) -> None:
        sold = await self.floor(shop, house)
        await self.pick(shop, house, sold, "SUB1", 2)
        await self.pick(shop, house, sold, "JKT1", 3)
        await asyncio.gather(
            *(
                house.inventory.ShipReservation(self.parcel(shop, sold, warehouse))
                for warehouse in ("JKT1", "SUB1")
            )
        )
        assert (await shop.get(sold)).state == pb.RESERVATION_STATE_SHIPPED
        assert len(await house.events("reservation_shipped")) == 1
        await house.require_agreement()

    async def test_what_has_left_comes_back_before_the_rest_leaves(self, shop: Shop, house: Any) -> None:
        sold = await self.floor(shop, house)
        await self.pick(shop, house, sold, "SUB1", 2)
        await house.inventory.ShipReservation(self.parcel(shop, sold, "SUB1"))
        back = inventory_pb.RecordReturnRequest(
            request_id=shop.new_id(),
            reservation_id=sold.reservation_id,
            warehouse_code="JKT1",
            sku_code="A",
            quantity=2,
            condition=inventory_pb.RETURN_CONDITION_RESTOCK,
            bin_code="A-01",
        )
        await house.inventory.RecordReturn(back)
        back.request_id, back.quantity = shop.new_id(), 1
        assert (await shop.refused(house.inventory.RecordReturn(back))).reason == "MORE_THAN_SHIPPED"
        await house.require_agreement()

    async def test_a_sale_that_closes_between_two_parcels(self, shop: Shop, house: Any) -> None:
        """What has left is no promise any more; what is left becomes an ordinary one."""
        await house.know("B")
        sold = await self.floor(shop, house)
        await shop.cancel(sold)
        line = inventory_pb.ReceiptLine(sku_code="B", bin_code="A-01", quantity=1)
        await house.inventory.ReceiveStock(
            inventory_pb.ReceiveStockRequest(
                request_id=shop.new_id(), warehouse_code="SUB1", document="PO-2", lines=[line]
            )
        )
        await shop.open_sale("SALE", {"A": 3})
        mixed = await shop.confirm(await shop.hold({"A": 2, "B": 1}, sale="SALE"))
        assert drawn(mixed) == {("JKT1", "A"): 2, ("SUB1", "B"): 1}
        await self.pick(shop, house, mixed, "JKT1", 2)
        await house.inventory.ShipReservation(self.parcel(shop, mixed, "JKT1"))
        await house.require_agreement()
        await shop.require_conserved()
        item = await shop.item("SALE", "A")
        assert (item.remaining, item.held, item.sold, item.shipped) == (1, 0, 0, 2)

        await shop.close_sale("SALE")
        await house.require_agreement()
        await shop.require_conserved()
        assert await levels(shop, "on_hand, sold, escrow") == {
            ("JKT1", "A"): (1, 0, 0),
            ("SUB1", "A"): (4, 0, 0),
            ("SUB1", "B"): (1, 1, 0),
        }
        assert [draw.from_escrow for draw in (await shop.get(mixed)).draws] == [True, False]

    async def test_a_warehouse_without_a_share_ships_nothing(self, shop: Shop, house: Any) -> None:
        sold = await self.floor(shop, house)
        for warehouse in ("BDG1", "NOWHERE"):
            refused = await shop.refused(house.inventory.ShipReservation(self.parcel(shop, sold, warehouse)))
            assert (refused.reason, refused.metadata["warehouse_code"]) == ("NOTHING_TO_SHIP", warehouse)
