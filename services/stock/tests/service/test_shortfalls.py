"""Shortfalls over real gRPC: who is hit is named, and each is worked off once, by whoever comes first."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from lumbung.stock.v1 import (
    inventory_pb2,
    receiving_pb2,
    receiving_pb2_grpc,
    reservations_pb2,
    shortfalls_pb2_grpc,
)
from lumbung.stock.v1 import shortfalls_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

ELSEWHERE = "SBY1"
OPEN, WAITS = pb.SHORTFALL_DECISION_OPEN, pb.SHORTFALL_DECISION_BACKORDERED


@dataclass
class Desk:
    """Who works shortfalls off, in a house with a second warehouse."""

    house: Any

    @property
    def stub(self) -> Any:
        return shortfalls_pb2_grpc.ShortfallServiceStub(self.house.shop.channel)

    async def lose(self, sku: str, units: int, bin_code: str = "A-01") -> None:
        """Reality has fewer."""
        await self.adjust(sku, -units, "JKT1", bin_code)

    async def bring(self, sku: str, units: int, warehouse: str = "JKT1") -> None:
        """Stock comes."""
        await self.adjust(sku, units, warehouse, "A-01" if warehouse == "JKT1" else "S-01")

    async def adjust(self, sku: str, difference: int, warehouse: str, bin_code: str) -> None:
        await self.house.inventory.AdjustStock(
            inventory_pb2.AdjustStockRequest(
                request_id=self.house.new_id(),
                warehouse_code=warehouse,
                sku_code=sku,
                bin_code=bin_code,
                difference=difference,
                reason="counted",
            )
        )

    async def hits(self, **filters: Any) -> list[pb.ShortfallHit]:
        return list((await self.stub.ListShortfallHits(pb.ListShortfallHitsRequest(**filters))).hits)

    async def missing(self, **filters: Any) -> list[tuple[str, int, int]]:
        """(order, missing, waiting) of the hits."""
        found = await self.hits(**filters)
        return [(hit.order_reference, hit.missing_quantity, hit.backordered_quantity) for hit in found]

    async def acts(self, **filters: Any) -> list[pb.ShortfallAct]:
        return list((await self.stub.ListShortfallActs(pb.ListShortfallActsRequest(**filters))).acts)

    def resource(self, sale: Any, sku: str = "CUP", **fields: Any) -> pb.ResourceShortfallRequest:
        return self.wish(pb.ResourceShortfallRequest, sale, sku, fields)

    def backorder(self, sale: Any, sku: str = "CUP", **fields: Any) -> pb.BackorderShortfallRequest:
        return self.wish(pb.BackorderShortfallRequest, sale, sku, fields)

    def cancel(self, sale: Any, sku: str = "CUP", **fields: Any) -> pb.CancelShortfallRequest:
        return self.wish(pb.CancelShortfallRequest, sale, sku, {"reason": "none left", **fields})

    def wish(self, kind: Any, sale: Any, sku: str, fields: dict[str, Any]) -> Any:
        common = {"request_id": self.house.new_id(), "warehouse_code": "JKT1", "sku_code": sku}
        return kind(**{**common, "reservation_id": sale.reservation_id, **fields})

    async def outcomes(self, *calls: Any) -> Counter[str]:
        """DONE or the reason of the refusal, of calls made at once."""

        async def outcome(call: Any) -> str:
            try:
                await call
            except grpc.aio.AioRpcError as error:
                return failure_from(error).reason
            return "DONE"

        return Counter(await asyncio.gather(*map(outcome, calls)))


@pytest.fixture
async def desk(house: Any) -> Desk:
    """CUP in JKT1 (10) and SBY1 (4), and whoever works shortfalls off."""
    await house.stocked("CUP", 10)
    await house.know("BOX")
    await house.warehouses.CreateWarehouse(
        inventory_pb2.CreateWarehouseRequest(
            request_id=house.new_id(),
            warehouse=inventory_pb2.Warehouse(
                warehouse_code=ELSEWHERE,
                name="Surabaya",
                time_zone="Asia/Jakarta",
                priority=9,
                aisle_x_m=[0],
                cross_aisle_y_m=[0, 9],
            ),
        )
    )
    one = inventory_pb2.Bin(bin_code="S-01", kind=inventory_pb2.BIN_KIND_PICK, level=1)
    await house.warehouses.PutBins(
        inventory_pb2.PutBinsRequest(request_id=house.new_id(), warehouse_code=ELSEWHERE, bins=[one])
    )
    made = Desk(house)
    await made.bring("CUP", 4, ELSEWHERE)
    return made


async def sales(house: Any, *units: int) -> list[reservations_pb2.Reservation]:
    """Sales of so many CUPs each, one after another: orders O-0, O-1, ..."""
    return [
        await house.shop.confirm(await house.shop.hold({"CUP": n}), f"O-{index}")
        for index, n in enumerate(units)
    ]


class TestWhoIsHit:
    """The rule, and how it is told."""

    async def test_the_youngest_promise_first_and_each_with_its_lines_and_units(self, desk: Desk) -> None:
        house = desk.house
        oldest, middle, youngest = await sales(house, 4, 3, 3)
        await desk.lose("CUP", 5)
        assert await desk.missing() == [("O-2", 3, 0), ("O-1", 2, 0)]
        hit = (await desk.hits())[0]
        assert [(line.line_index, line.sku_code, line.missing_quantity) for line in hit.lines] == [
            (0, "CUP", 3)
        ]
        assert (hit.warehouse_code, hit.sku_code, hit.channel_code) == ("JKT1", "CUP", "web")
        assert hit.state == reservations_pb2.RESERVATION_STATE_CONFIRMED
        (raised,) = [event.shortfall_raised for event in await house.events("shortfall_raised")]
        assert [(each.reservation_id, each.missing_quantity) for each in raised.hits] == [
            (youngest.reservation_id, 3),
            (middle.reservation_id, 2),
        ]
        await desk.bring("CUP", 1)
        assert await desk.missing() == [("O-2", 3, 0), ("O-1", 1, 0)]
        assert len(await house.events("shortfall_raised")) == 1
        await house.pick(youngest, "CUP", 3)
        assert await desk.missing() == [("O-1", 3, 0), ("O-0", 1, 0)]
        await house.cancel(oldest)
        assert await desk.missing() == []
        assert len(await house.events("shortfall_resolved")) == 1
        await house.require_agreement()

    async def test_what_a_sale_has_given_to_nobody_is_hit_before_any_promise(self, desk: Desk) -> None:
        await sales(desk.house, 4)
        await desk.house.shop.open_sale("SALE", {"CUP": 6})
        await desk.lose("CUP", 6)
        assert await desk.missing() == []
        assert (await desk.house.figures("CUP")).shortfall == 6
        await desk.lose("CUP", 2)
        assert await desk.missing() == [("O-0", 2, 0)]

    async def test_in_pages_and_by_filters(self, desk: Desk) -> None:
        sold = await sales(desk.house, 2, 2, 2, 2)
        await desk.house.stocked("TIN", 2)
        tin = await desk.house.sell({"TIN": 2})
        await desk.lose("CUP", 9)
        await desk.lose("TIN", 1)
        await desk.stub.BackorderShortfall(desk.backorder(sold[1], quantity=1))
        pages, token = [], ""
        while True:
            request = pb.ListShortfallHitsRequest(page_size=2, page_token=token, warehouse_code="JKT1")
            page = await desk.stub.ListShortfallHits(request)
            pages.append([hit.reservation_id for hit in page.hits])
            token = page.next_page_token
            if not token:
                break
        youngest_first = [sale.reservation_id for sale in reversed(sold)]
        assert pages == [youngest_first[:2], youngest_first[2:], [tin.reservation_id]]
        assert [row[0] for row in await desk.missing(sku_code="CUP", decision=WAITS)] == ["O-1"]
        assert [row[0] for row in await desk.missing(sku_code="CUP", decision=OPEN)] == [
            "O-3",
            "O-2",
            "O-1",
            "O-0",
        ]
        (one,) = await desk.hits(reservation_id=tin.reservation_id)
        assert (one.sku_code, one.missing_quantity) == ("TIN", 1)
        assert await desk.missing(warehouse_code=ELSEWHERE) == []


class TestAnotherWarehouseGives:
    """ResourceShortfall."""

    async def test_units_move_with_everything_that_follows(self, desk: Desk) -> None:
        house = desk.house
        _, sold = await sales(house, 5, 5)
        await desk.lose("CUP", 4)
        wish = desk.resource(sold, quantity=3, reason="buyer is in Surabaya")
        answer = await desk.stub.ResourceShortfall(wish)
        assert answer.to_warehouse_code == ELSEWHERE
        assert [(one.sku_code, one.quantity) for one in answer.moved] == [("CUP", 3)]
        draws = {draw.warehouse_code: draw.quantity for draw in answer.reservation.draws}
        assert draws == {"JKT1": 2, ELSEWHERE: 3}
        assert await desk.missing() == [("O-1", 1, 0)]
        figures = await house.figures("CUP")
        assert (figures.available_to_promise, figures.sold, figures.shortfall) == (1, 10, 1)
        (told,) = [event.reservation_resourced for event in await house.events("reservation_resourced")]
        assert (told.from_warehouse_code, told.to_warehouse_code) == ("JKT1", ELSEWHERE)
        assert told.reservation == await house.shop.get(sold)
        (act,) = await desk.acts()
        assert (act.kind, act.quantity, act.to_warehouse_code) == (
            pb.SHORTFALL_ACT_KIND_RESOURCED,
            3,
            ELSEWHERE,
        )
        assert (act.actor, act.request_id, act.reason) == ("staff:test", wish.request_id, wish.reason)
        await desk.stub.ResourceShortfall(desk.resource(sold))
        assert await desk.missing() == []
        assert len(await house.events("shortfall_resolved")) == 1
        await house.require_agreement()
        assert await desk.stub.ResourceShortfall(wish) == answer

    async def test_a_confirm_is_answered_again_as_it_was(self, desk: Desk) -> None:
        shop = desk.house.shop
        held = await shop.hold({"CUP": 10})
        confirmation = shop.confirmation(held)
        first = await shop.reservations.Confirm(confirmation)
        await desk.lose("CUP", 2)
        await desk.stub.ResourceShortfall(desk.resource(held))
        again = await shop.reservations.Confirm(confirmation)
        assert again == first
        assert len((await shop.get(held)).draws) == 2

    async def test_a_moved_sale_ships_from_both_and_comes_back_from_both(self, desk: Desk) -> None:
        house = desk.house
        sold = await house.sell({"CUP": 10})
        await desk.lose("CUP", 2)
        await desk.stub.ResourceShortfall(desk.resource(sold))
        await house.pick(sold, "CUP", 8)
        await house.inventory.RecordPick(
            inventory_pb2.RecordPickRequest(
                request_id=house.new_id(),
                reservation_id=sold.reservation_id,
                warehouse_code=ELSEWHERE,
                sku_code="CUP",
                bin_code="S-01",
                quantity=2,
            )
        )
        await house.ship(sold)
        assert (await house.shop.get(sold)).state == reservations_pb2.RESERVATION_STATE_SHIPPED
        assert (await house.figures("CUP")).on_hand == 2
        await house.require_agreement()

    async def test_a_bundle_is_not_torn(self, desk: Desk) -> None:
        house = desk.house
        await house.receive("BOX", 5)
        await house.know("SET", {"BOX": 1, "CUP": 2})
        sold = await house.sell({"SET": 5})
        await desk.lose("CUP", 1)
        failure = await house.refused(desk.stub.ResourceShortfall(desk.resource(sold)))
        assert failure.reason == "NO_WAREHOUSE_HAS_IT"
        await desk.bring("BOX", 1, ELSEWHERE)
        answer = await desk.stub.ResourceShortfall(desk.resource(sold))
        assert {one.sku_code: one.quantity for one in answer.moved} == {"BOX": 1, "CUP": 2}
        await house.require_agreement()

    async def test_what_is_promised_there_is_not_given_twice(self, desk: Desk) -> None:
        house = desk.house
        first, second = await sales(house, 5, 5)
        await desk.lose("CUP", 10)
        outcomes = await desk.outcomes(
            *[desk.stub.ResourceShortfall(desk.resource(sale, quantity=3)) for sale in (first, second)]
        )
        assert outcomes == {"DONE": 1, "NO_WAREHOUSE_HAS_IT": 1}
        await house.require_agreement(shortfall=7)

    async def test_two_people_at_the_same_lack(self, desk: Desk) -> None:
        house = desk.house
        sold = await house.sell({"CUP": 10})
        await desk.lose("CUP", 2)
        wishes = [
            desk.stub.ResourceShortfall(desk.resource(sold)),
            desk.stub.ResourceShortfall(desk.resource(sold)),
            desk.stub.BackorderShortfall(desk.backorder(sold)),
        ]
        outcomes = await desk.outcomes(*wishes)
        assert outcomes["NOT_SHORT"] >= 1
        assert sum(act.kind == pb.SHORTFALL_ACT_KIND_RESOURCED for act in await desk.acts()) <= 1
        await house.require_agreement(shortfall=(await house.figures("CUP")).shortfall)

    async def test_stock_that_arrives_meanwhile_leaves_nothing_to_do(self, desk: Desk) -> None:
        sold = await desk.house.sell({"CUP": 10})
        await desk.lose("CUP", 2)
        await desk.bring("CUP", 2)
        for wish in (
            desk.stub.ResourceShortfall(desk.resource(sold)),
            desk.stub.BackorderShortfall(desk.backorder(sold)),
            desk.stub.CancelShortfall(desk.cancel(sold)),
        ):
            assert (await desk.house.refused_unchanged(wish)).reason == "NOT_SHORT"

    async def test_refusals(self, desk: Desk) -> None:
        house = desk.house
        held = await house.shop.hold({"CUP": 2})
        sold = await house.sell({"CUP": 8})
        await desk.lose("CUP", 10)
        for wish, reason in (
            (desk.resource(held), "NOT_CONFIRMED"),
            (desk.resource(sold, quantity=9), "MORE_THAN_SHORT"),
            (desk.resource(sold), "NO_WAREHOUSE_HAS_IT"),
            (desk.resource(sold, to_warehouse_code="NOPE"), "WAREHOUSE_NOT_FOUND"),
            (desk.resource(sold, sku="BOX"), "NOT_SHORT"),
            (desk.resource(sold, warehouse_code=ELSEWHERE), "NOT_SHORT"),
            (
                desk.resource(sold, reservation_id="00000000-0000-7000-8000-000000000000"),
                "RESERVATION_NOT_FOUND",
            ),
        ):
            assert (await house.refused_unchanged(desk.stub.ResourceShortfall(wish))).reason == reason
        await desk.stub.ResourceShortfall(desk.resource(sold, quantity=4))
        await desk.bring("CUP", 9, ELSEWHERE)
        await desk.adjust("CUP", -13, ELSEWHERE, "S-01")
        await desk.bring("CUP", 9)
        back = desk.resource(sold, warehouse_code=ELSEWHERE)
        assert (await house.refused(desk.stub.ResourceShortfall(back))).reason == "NO_WAREHOUSE_HAS_IT"

    async def test_a_flash_sales_goods_stay_where_its_plan_says(self, desk: Desk) -> None:
        house = desk.house
        await house.shop.open_sale("SALE", {"CUP": 10})
        sold = await house.sell({"CUP": 10}, sale="SALE")
        await desk.lose("CUP", 1)
        failure = await house.refused_unchanged(desk.stub.ResourceShortfall(desk.resource(sold)))
        assert failure.reason == "GOODS_OF_FLASH_SALE"
        await desk.stub.CancelShortfall(desk.cancel(sold))
        await house.shop.require_conserved()


class TestTheBuyerWaits:
    """BackorderShortfall."""

    async def test_who_promised_first_is_served_first_and_expected_receipts_say_when(
        self, desk: Desk
    ) -> None:
        house = desk.house
        first, second = await sales(house, 5, 5)
        await desk.lose("CUP", 8)
        receiving: Any = receiving_pb2_grpc.ReceivingServiceStub(house.shop.channel)
        for number, (units, day) in enumerate(((4, "2030-01-01"), (4, "2030-02-01"))):
            expected = receiving_pb2.ExpectedReceipt(
                warehouse_code="JKT1",
                supplier="ACME",
                document=f"PO-{number}",
                lines=[receiving_pb2.ExpectedLine(sku_code="CUP", expected_quantity=units)],
            )
            expected.expected_time.FromJsonString(f"{day}T00:00:00Z")
            request = receiving_pb2.CreateExpectedReceiptRequest(
                request_id=house.new_id(), expected_receipt=expected
            )
            await receiving.CreateExpectedReceipt(request)
        late = await desk.stub.BackorderShortfall(desk.backorder(second, quantity=4))
        assert (late.hit.missing_quantity, late.hit.backordered_quantity) == (5, 4)
        assert late.hit.expected_time.ToJsonString().startswith("2030-02-01")
        early = await desk.stub.BackorderShortfall(desk.backorder(first))
        assert early.hit.expected_time.ToJsonString().startswith("2030-01-01")
        await desk.stub.BackorderShortfall(desk.backorder(second))
        assert await desk.missing(decision=WAITS) == [("O-1", 5, 5), ("O-0", 3, 3)]
        assert await desk.missing(decision=OPEN) == []
        await desk.bring("CUP", 4)
        assert await desk.missing() == [("O-1", 4, 4)]
        await desk.bring("CUP", 4)
        assert await desk.missing() == []
        served = [act for act in await desk.acts() if act.kind == pb.SHORTFALL_ACT_KIND_SERVED]
        assert [(act.reservation_id, act.quantity) for act in served] == [
            (first.reservation_id, 3),
            (second.reservation_id, 1),
            (second.reservation_id, 4),
        ]
        assert {act.actor for act in served} == {"service:stock"}
        told = [event.backorder_changed.waiting_quantity for event in await house.events("backorder_changed")]
        assert told == [4, 3, 5, 0, 4, 0]
        assert await house.shop.scalar("SELECT count(*) FROM backorder") == 0

    async def test_what_waits_is_not_let_wait_again_and_may_still_be_given_or_taken_back(
        self, desk: Desk
    ) -> None:
        house = desk.house
        first, second = await sales(house, 5, 5)
        await desk.lose("CUP", 6)
        for sale in (first, second):
            await desk.stub.BackorderShortfall(desk.backorder(sale))
            refused = await house.refused_unchanged(desk.stub.BackorderShortfall(desk.backorder(sale)))
            assert refused.reason == "NOT_SHORT"
        await desk.stub.ResourceShortfall(desk.resource(second, quantity=4))
        assert await desk.missing() == [("O-1", 1, 1), ("O-0", 1, 1)]
        await house.cancel(second)
        assert await desk.missing() == [("O-0", 1, 1)]
        await desk.bring("CUP", 1)
        assert await desk.missing() == []
        ends = [(act.kind, act.reservation_id, act.quantity) for act in await desk.acts()][-2:]
        assert ends == [
            (pb.SHORTFALL_ACT_KIND_DROPPED, second.reservation_id, 1),
            (pb.SHORTFALL_ACT_KIND_SERVED, first.reservation_id, 1),
        ]

    async def test_a_unit_that_is_found_and_picked_waits_no_longer(self, desk: Desk) -> None:
        sold = await desk.house.sell({"CUP": 5})
        other = await desk.house.sell({"CUP": 5})
        await desk.lose("CUP", 2)
        await desk.stub.BackorderShortfall(desk.backorder(other))
        await desk.house.pick(other, "CUP", 5)
        assert [act.kind for act in await desk.acts()][-1] == pb.SHORTFALL_ACT_KIND_SERVED
        (hit,) = await desk.hits()
        assert (hit.reservation_id, hit.missing_quantity) == (sold.reservation_id, 2)


class TestTakenBack:
    """CancelShortfall."""

    async def test_a_sale_is_cancelled_as_ever_and_a_hold_released(self, desk: Desk) -> None:
        house = desk.house
        (sold,) = await sales(house, 6)
        held = await house.shop.hold({"CUP": 4})
        await desk.lose("CUP", 5)
        await desk.stub.BackorderShortfall(desk.backorder(sold))
        wish = desk.cancel(sold, reason="sold out")
        answer = await desk.stub.CancelShortfall(wish)
        assert answer.reservation.state == reservations_pb2.RESERVATION_STATE_CANCELLED
        (told,) = [event.reservation_cancelled for event in await house.events("reservation_cancelled")]
        assert (told.reservation.reservation_id, told.reason) == (sold.reservation_id, "sold out")
        assert await desk.stub.CancelShortfall(wish) == answer
        assert [act.kind for act in await desk.acts(reservation_id=sold.reservation_id)] == [
            pb.SHORTFALL_ACT_KIND_BACKORDERED,
            pb.SHORTFALL_ACT_KIND_CANCELLED,
        ]
        await desk.lose("CUP", 3)
        released = await desk.stub.CancelShortfall(desk.cancel(held))
        assert released.reservation.state == reservations_pb2.RESERVATION_STATE_RELEASED
        assert await desk.missing() == []
        await house.require_agreement()

    async def test_not_once_a_part_of_it_has_left(self, desk: Desk) -> None:
        house = desk.house
        sold = await house.sell({"CUP": 10})
        await desk.lose("CUP", 2)
        await desk.stub.ResourceShortfall(desk.resource(sold, quantity=1))
        await house.inventory.RecordPick(
            inventory_pb2.RecordPickRequest(
                request_id=house.new_id(),
                reservation_id=sold.reservation_id,
                warehouse_code=ELSEWHERE,
                sku_code="CUP",
                bin_code="S-01",
                quantity=1,
            )
        )
        await house.inventory.ShipReservation(
            inventory_pb2.ShipReservationRequest(
                request_id=house.new_id(), reservation_id=sold.reservation_id, warehouse_code=ELSEWHERE
            )
        )
        failure = await house.refused(desk.stub.CancelShortfall(desk.cancel(sold)))
        assert failure.reason == "ALREADY_SHIPPED"
        refused = await house.refused(desk.stub.ResourceShortfall(desk.resource(sold)))
        assert refused.reason == "NO_WAREHOUSE_HAS_IT"


GOOD = {
    "request_id": "one",
    "reservation_id": "00000000-0000-7000-8000-000000000000",
    "warehouse_code": "JKT1",
    "sku_code": "CUP",
    "reason": "why",
}
ACTING = {
    "ResourceShortfall": pb.ResourceShortfallRequest,
    "BackorderShortfall": pb.BackorderShortfallRequest,
    "CancelShortfall": pb.CancelShortfallRequest,
}
BAD_EVERYWHERE = [
    ({"request_id": ""}, {"request_id"}),
    ({"reservation_id": "seven"}, {"reservation_id"}),
    ({"reservation_id": "", "sku_code": "a b"}, {"reservation_id", "sku_code"}),
    ({"warehouse_code": ""}, {"warehouse_code"}),
    ({"warehouse_code": "W" * 33}, {"warehouse_code"}),
    ({"sku_code": ""}, {"sku_code"}),
    ({"reason": "x" * 201}, {"reason"}),
]
BAD = [
    *[(verb, fields, named) for verb in ACTING for fields, named in BAD_EVERYWHERE],
    ("ResourceShortfall", {"quantity": -1}, {"quantity"}),
    ("ResourceShortfall", {"quantity": 1_000_001}, {"quantity"}),
    ("ResourceShortfall", {"to_warehouse_code": "JKT1"}, {"to_warehouse_code"}),
    ("ResourceShortfall", {"to_warehouse_code": "a b"}, {"to_warehouse_code"}),
    ("BackorderShortfall", {"quantity": -1}, {"quantity"}),
    ("CancelShortfall", {"reason": ""}, {"reason"}),
]
BAD_LISTS = [
    ("ListShortfallHits", pb.ListShortfallHitsRequest(page_size=-1), {"page_size"}),
    ("ListShortfallHits", pb.ListShortfallHitsRequest(page_token="x"), {"page_token"}),
    (
        "ListShortfallHits",
        pb.ListShortfallHitsRequest(reservation_id="x", sku_code="a b"),
        {"reservation_id", "sku_code"},
    ),
    ("ListShortfallHits", pb.ListShortfallHitsRequest(decision=9), {"decision"}),  # type: ignore[arg-type]
    ("ListShortfallActs", pb.ListShortfallActsRequest(page_size=-1), {"page_size"}),
    ("ListShortfallActs", pb.ListShortfallActsRequest(page_token="x"), {"page_token"}),
    ("ListShortfallActs", pb.ListShortfallActsRequest(kind=9), {"kind"}),  # type: ignore[arg-type]
    ("ListShortfallActs", pb.ListShortfallActsRequest(warehouse_code="a b"), {"warehouse_code"}),
]


async def test_bad_input_is_refused_by_name_and_writes_nothing(house: Any) -> None:
    stub: Any = Desk(house).stub
    for verb, fields, named in BAD:
        call = getattr(stub, verb)(ACTING[verb](**{**GOOD, **fields}))
        failure = await house.refused_unchanged(call)
        assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
        assert {field.field for field in failure.fields} == named, (verb, fields)
    for verb, request, named in BAD_LISTS:
        failure = await house.refused(getattr(stub, verb)(request))
        assert {field.field for field in failure.fields} == named, request


async def test_another_wish_under_the_same_id_is_refused_and_a_list_of_one_filter_has_no_page_of_another(
    desk: Desk,
) -> None:
    sold = await sales(desk.house, 3, 3, 4)
    await desk.lose("CUP", 10)
    wish = desk.backorder(sold[0], quantity=1)
    answer = await desk.stub.BackorderShortfall(wish)
    assert await desk.stub.BackorderShortfall(wish) == answer
    wish.quantity = 2
    assert (
        await desk.house.refused_unchanged(desk.stub.BackorderShortfall(wish))
    ).reason == "REQUEST_ID_REUSED"
    assert len(await desk.acts()) == 1
    page = await desk.stub.ListShortfallHits(pb.ListShortfallHitsRequest(page_size=1))
    other = pb.ListShortfallHitsRequest(page_size=1, page_token=page.next_page_token, sku_code="CUP")
    assert (await desk.house.refused(desk.stub.ListShortfallHits(other))).reason == "BAD_INPUT"


async def test_what_was_done_stays(house: Any) -> None:
    for statement in ("UPDATE shortfall_act SET actor = ''", "DELETE FROM shortfall_act"):
        (allowed,) = await house.shop.rows(
            "SELECT has_table_privilege('lumbung_stock', 'stock.shortfall_act', %s)", statement.split()[0]
        )
        assert allowed == (False,)
