"""Act 5: one buyer cancels after the goods were picked, another before."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung.fulfillment.v1 import orders_pb2, terminal_pb2
from lumbung.stock.v1 import reservations_pb2
from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.act4_floor import Walks
from lumbung_dev.demo.diary import Ending
from lumbung_dev.demo.floor import Picker, scans_of
from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.outlets import WEBSITE

_FOLLOW_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Cancellations:
    """Who changed their mind."""

    after_picking: str
    units_put_back: int
    before_picking: str


async def change_minds(play: Play, walks: Walks) -> Cancellations:
    """A marketplace's buyer cancels there; the website's buyer cancels with us."""
    picked = await _cancel_on_the_marketplace(play)
    units = await _put_back(play, picked)
    play.stage.say(
        f"order {picked.order_reference} was cancelled on {picked.channel_code} after picking: "
        f"{units} units are back in their bins"
    )
    waiting = await _cancel_on_the_website(play, walks)
    play.stage.say(
        f"order {waiting.order_reference} was cancelled on {WEBSITE} before picking: it left its wave"
    )
    return Cancellations(picked.order_reference, units, waiting.order_reference)


async def _cancel_on_the_marketplace(play: Play) -> orders_pb2.Order:
    picked = await list_orders(play.staff, states=[orders_pb2.ORDER_STATE_PICKED])
    order = next(order for order in picked if order.channel_code != WEBSITE)
    await play.shops[order.channel_code].cancel(order.order_reference)
    play.diary.by_order(order.channel_code, order.order_reference).ending = Ending.CANCELLED
    return await _until_cancelled(play, order)


async def _cancel_on_the_website(play: Play, walks: Walks) -> orders_pb2.Order:
    untouched = (orders_pb2.ORDER_STATE_QUEUED, orders_pb2.ORDER_STATE_PLANNED)
    candidates = await list_orders(play.staff, states=untouched, channel_code=WEBSITE)
    order = next(order for order in candidates if order.order_id not in walks.order_ids)
    request = reservations_pb2.CancelReservationRequest(
        request_id=f"{play.run}:cancel:{order.order_reference}",
        reservation_id=order.reservation_id,
        reason="the buyer changed their mind",
    )
    await patiently(play.storefront.reservations.CancelReservation, request)
    play.diary.by_order(WEBSITE, order.order_reference).ending = Ending.CANCELLED
    return await _until_cancelled(play, order)


async def _until_cancelled(play: Play, order: orders_pb2.Order) -> orders_pb2.Order:
    async def cancelled() -> orders_pb2.Order | None:
        request = orders_pb2.GetOrderRequest(order_id=order.order_id)
        now = (await patiently(play.staff.orders.GetOrder, request)).order
        return now if now.state == orders_pb2.ORDER_STATE_CANCELLED else None

    return await eventually(
        cancelled, f"fulfillment knows that {order.order_reference} is cancelled", within_s=_FOLLOW_S_MAX
    )


async def _put_back(play: Play, order: orders_pb2.Order) -> int:
    """Every unit that was picked for the order; returns how many."""
    async with play.system.client("terminal:cart-3") as handheld:
        ani = Picker(handheld, "cart-3", "ani", scans_of(f"{play.run}:cart-3:back"))
        await ani.sign_in()
        request = terminal_pb2.ListPutBacksRequest(warehouse_code=warehouse.CODE, order_id=order.order_id)
        tasks = (await patiently(handheld.terminal.ListPutBacks, request)).put_backs
        done = [await ani.put_back(task) for task in tasks]
        await ani.sign_out()
    return sum(task.returned_quantity for task in done)
