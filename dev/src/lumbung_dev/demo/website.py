"""Buyers on the shop's own website: the storefront calls stock directly."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import reservations_pb2
from lumbung_dev.demo.cast import Buyer
from lumbung_dev.demo.diary import Diary, Ending, Purchase
from lumbung_dev.local.patience import patiently
from lumbung_dev.local.services import Services
from lumbung_dev.shop.outlets import WEBSITE
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import Kind

_HOLD_S = 300
_COME_BACK_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Website:
    """The storefront's side of every purchase. `run` makes request ids and order numbers this run's own."""

    storefront: Services
    diary: Diary
    run: str
    sale_code: str

    async def serve(self, buyer: Buyer) -> None:
        """One person's visit, with second tries."""
        for attempt in range(1 + buyer.patience):
            page = self.diary.open(buyer)
            hope_s = await self._try(page, attempt)
            if hope_s is None:
                break
            await asyncio.sleep(min(hope_s, _COME_BACK_S_MAX))
        if buyer.greedy and page.ending is Ending.SOLD:
            await self._try(self.diary.open(buyer), 1 + buyer.patience)

    async def _try(self, page: Purchase, attempt: int) -> float | None:
        """One try; returns after how many seconds another one has hope, or None.

        What cannot be decided within the patience leaves the page unanswered, and the reckoning will say so.
        """
        key = f"{self.run}:{page.buyer.name}:{attempt}"
        begun = time.monotonic()
        try:
            held = await patiently(
                self.storefront.reservations.Reserve, _reserve_request(key, page.buyer, self.sale_code)
            )
        except grpc.aio.AioRpcError as error:
            return _write_refusal(page, failure_from(error))
        finally:
            page.answer_s = time.monotonic() - begun
        page.reservation_id = held.reservation.reservation_id
        try:
            await (self._give_back(key, page) if page.buyer.changes_mind else self._buy(key, page))
        except grpc.aio.AioRpcError as error:
            page.reason = f"after the hold: {failure_from(error)}"
        return None

    async def _buy(self, key: str, page: Purchase) -> None:
        reference = f"{WEBSITE}-{key.replace(f':{WEBSITE}-', '-').replace(':', '-')}".upper()
        request = reservations_pb2.ConfirmRequest(
            request_id=f"{key}:confirm",
            reservation_id=page.reservation_id,
            order=reservations_pb2.OrderDetails(
                order_reference=reference, courier_service=page.buyer.courier
            ),
        )
        await patiently(self.storefront.reservations.Confirm, request)
        page.order_reference = reference
        page.ending = Ending.SOLD

    async def _give_back(self, key: str, page: Purchase) -> None:
        request = reservations_pb2.ReleaseRequest(
            request_id=f"{key}:release", reservation_id=page.reservation_id, reason="changed their mind"
        )
        await patiently(self.storefront.reservations.Release, request)
        page.ending = Ending.GIVEN_BACK


def _reserve_request(key: str, buyer: Buyer, sale_code: str) -> reservations_pb2.ReserveRequest:
    return reservations_pb2.ReserveRequest(
        request_id=f"{key}:reserve",
        lines=[
            reservations_pb2.ReserveLine(sku_code=sku_code, quantity=quantity)
            for sku_code, quantity in buyer.basket
        ],
        channel_code=WEBSITE,
        customer_reference=buyer.name,
        ttl=Duration(seconds=_HOLD_S),
        flash_sale_code=sale_code if buyer.wants_sale else "",
    )


def _write_refusal(page: Purchase, failure: RemoteFailure) -> float | None:
    page.reason = failure.reason or str(failure)
    if failure.kind is Kind.FAILED_PRECONDITION:
        page.ending = Ending.REFUSED
        return failure.retry_after_s
    return None
