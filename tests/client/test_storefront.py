"""What a storefront does with the client, against a real service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_client import (
    AlreadyResolved,
    CustomerLimitReached,
    FlashSaleNotOpen,
    InvalidRequest,
    NotFound,
    OutOfStock,
    Refused,
    reserve_request,
)

if TYPE_CHECKING:
    from tests.client.conftest import Stock

pytestmark = pytest.mark.store


async def test_a_hold_becomes_a_sale_and_says_who_asked(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 3)
    async with stock.client() as lumbung:
        held = await lumbung.reserve({"A": 2}, channel_code="web", ttl_s=600, customer_reference="c-1")
        assert (held.state, held.actor) == (pb.RESERVATION_STATE_HELD, "storefront:web")
        assert (held.expire_time.seconds - held.create_time.seconds) in range(598, 601)
        sold = await lumbung.confirm(held.reservation_id, order_reference="WEB-1", priority=2)
        assert (sold.state, sold.order.priority) == (pb.RESERVATION_STATE_CONFIRMED, 2)
        assert await lumbung.get(held.reservation_id) == sold
        back = await lumbung.cancel(held.reservation_id, reason="changed their mind")
        assert back.state == pb.RESERVATION_STATE_CANCELLED
    assert await stock.free("A") == 3


async def test_a_hold_is_extended_and_given_back(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 1)
    async with stock.client() as lumbung:
        held = await lumbung.reserve({"A": 1}, channel_code="web", ttl_s=60)
        longer = await lumbung.extend(held.reservation_id, ttl_s=3600)
        assert longer.expire_time.seconds > held.expire_time.seconds + 3000
        back = await lumbung.release(held.reservation_id, reason="left the shop")
        assert back.state == pb.RESERVATION_STATE_RELEASED
    assert await stock.free("A") == 1


async def test_refusals_are_typed_and_say_what_a_storefront_needs(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 3)
    async with stock.client() as lumbung:
        with pytest.raises(OutOfStock) as short:
            await lumbung.reserve({"A": 4}, channel_code="web")
        (line,) = short.value.lines
        assert (line.sku_code, line.asked_quantity, line.available_quantity) == ("A", 4, 3)
        assert short.value.domain == "stock.lumbung"
        with pytest.raises(InvalidRequest) as bad:
            await lumbung.reserve([("A", 0), ("", 1)], channel_code="web")
        assert [field for field, _ in bad.value.fields] == ["lines[0].quantity", "lines[1].sku_code"]
        with pytest.raises(NotFound) as unknown:
            await lumbung.reserve({"GONE": 1}, channel_code="web")
        assert unknown.value.metadata["sku_code"] == "GONE"
        held = await lumbung.reserve({"A": 1}, channel_code="web")
        await lumbung.confirm(held.reservation_id, order_reference="WEB-1")
        with pytest.raises(AlreadyResolved) as lost:
            await lumbung.release(held.reservation_id)
        assert lost.value.winner == "confirm"
        with pytest.raises(Refused) as never:
            await lumbung.cancel(
                (await lumbung.reserve({"A": 1}, channel_code="web")).reservation_id, reason="x"
            )
        assert never.value.reason == "NOT_CONFIRMED"


async def test_a_request_id_of_ones_own_gives_the_first_answer_again(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 3)
    async with stock.client() as one, stock.client() as other:
        first = await one.reserve({"A": 1}, channel_code="web", request_id="cart-17")
        assert await other.reserve({"A": 1}, channel_code="web", request_id="cart-17") == first
        with pytest.raises(InvalidRequest) as reused:
            await one.reserve({"A": 2}, channel_code="web", request_id="cart-17")
        assert reused.value.reason == "REQUEST_ID_REUSED"
    assert await stock.free("A") == 2


async def test_a_batch_gives_an_answer_for_each(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 2)
    requests = [reserve_request({"A": units}, channel_code="web") for units in (1, 5, 1)]
    async with stock.client() as lumbung:
        first, second, third = await lumbung.batch_reserve(requests)
    assert isinstance(first, pb.Reservation)
    assert isinstance(second, OutOfStock)
    assert second.lines[0].available_quantity == 1
    assert isinstance(third, pb.Reservation)


async def test_a_flash_sale_with_its_limit(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 9)
    await stock.sale("SALE", {"A": 5}, limit=2)
    async with stock.client() as lumbung:
        assert (await lumbung.get_flash_sale("SALE")).items[0].limit_per_customer == 2
        ask = {"channel_code": "web", "flash_sale_code": "SALE", "customer_reference": "c-1"}
        held = await lumbung.reserve({"A": 2}, **ask)
        assert held.draws[0].from_escrow
        with pytest.raises(CustomerLimitReached):
            await lumbung.reserve({"A": 1}, **ask)
        await stock.sale("LATER", {"A": 1}, opened=False)
        with pytest.raises(FlashSaleNotOpen):
            await lumbung.reserve({"A": 1}, channel_code="web", flash_sale_code="LATER")


async def test_availability_of_one_and_of_many(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 3)
    async with stock.client() as lumbung:
        await lumbung.reserve({"A": 1}, channel_code="web")
        figure = await lumbung.get_availability("A")
        assert (figure.available_to_promise, figure.held) == (2, 1)
        many = await lumbung.batch_get_availability(["A", "GONE"])
        assert [each.sku_code for each in many.availabilities] == ["A"]
        assert list(many.unknown_sku_codes) == ["GONE"]


async def test_a_session_answers_as_many_as_come_at_once(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 700)
    await stock.put("B", 900)
    await stock.sale("SALE", {"B": 600})
    async with stock.client() as lumbung, lumbung.reserve_stream() as session:
        ordinary = [session.reserve({"A": 1}, channel_code="web") for _ in range(800)]
        on_sale = [session.reserve({"B": 1}, channel_code="web", flash_sale_code="SALE") for _ in range(700)]
        answers = await asyncio.gather(*ordinary, *on_sale, return_exceptions=True)
    held = [answer for answer in answers if isinstance(answer, pb.Reservation)]
    assert {type(answer) for answer in answers} == {pb.Reservation, OutOfStock}
    assert len({reservation.reservation_id for reservation in held}) == 1300
    assert sum(isinstance(answer, OutOfStock) for answer in answers) == 200
    assert await stock.free("A") == 0


async def test_a_session_raises_what_the_unary_form_raises(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 3)
    async with stock.client() as lumbung, lumbung.reserve_stream() as session:
        with pytest.raises(OutOfStock) as short:
            await session.reserve({"A": 9}, channel_code="web")
        assert short.value.lines[0].available_quantity == 3
        with pytest.raises(InvalidRequest):
            await session.reserve({"A": 0}, channel_code="web")
        request = reserve_request({"A": 1}, channel_code="web")
        first, same = await asyncio.gather(session.ask(request), session.ask(request))
        assert first == same
        assert await session.ask(request) == first
        other = reserve_request({"A": 2}, channel_code="web", request_id=request.request_id)
        with pytest.raises(InvalidRequest) as reused:
            await session.ask(other)
        assert reused.value.reason == "REQUEST_ID_REUSED"
    assert await stock.free("A") == 2
