"""Buyers on a marketplace: they see its page, buy by its figure, and look at how their order stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from lumbung_dev.demo.cast import Buyer
from lumbung_dev.demo.diary import Diary, Ending, Purchase
from lumbung_dev.shop.outlets import Marketplace

SHOWN_SOLD_OUT = "SHOWN_SOLD_OUT"
"""The marketplace's own figure was 0, so nothing was ordered and nobody is disappointed later."""
_CONNECTIONS_MAX = 16
_CALL_S_MAX = 30.0
_COME_BACK_S = 1.0
_LIMITS = httpx.Limits(keepalive_expiry=1.0)
"""Sooner than the server, which hangs up on an idle connection in the very moment in which it is used again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One change of a listing's figure, by the marketplace's clock."""

    at_s: float
    quantity: int
    pushed: bool
    """By us; otherwise by a buyer of the marketplace itself."""


class MarketplaceShop:
    """The shop's page on one marketplace, between `async with` and its end."""

    def __init__(self, marketplace: Marketplace, base_url: str, diary: Diary) -> None:
        self.marketplace = marketplace
        self._diary = diary
        self._waiting: dict[str, Purchase] = {}
        self._browser = httpx.AsyncClient(
            base_url=base_url, timeout=_CALL_S_MAX, trust_env=False, limits=_LIMITS
        )
        # Callers queue here: httpx looks through all that wait for a connection each time one comes free.
        self._connections = asyncio.Semaphore(_CONNECTIONS_MAX)

    async def __aenter__(self) -> MarketplaceShop:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._browser.aclose()

    async def serve(self, buyer: Buyer) -> None:
        """One person's visit; some come back when it is sold out."""
        for attempt in range(1 + buyer.patience):
            if attempt:
                await asyncio.sleep(_COME_BACK_S)
            if await self._order(self._diary.open(buyer)):
                return

    async def read_answers(self) -> int:
        """Everybody who waits looks at their order; returns how many still wait."""
        if self._waiting:
            for order in (await self._get("/orders.json"))["orders"]:
                if order["state"] != "WAITING" and (page := self._waiting.pop(order["order_id"], None)):
                    _write_answer(page, order)
        return len(self._waiting)

    async def shown(self, listings: Sequence[str] = ()) -> dict[str, int]:
        """Listing -> the figure that buyers see; of all when none is named."""
        found = await self._get("/status.json", listing_id=list(listings))
        return {listing["listing_id"]: listing["quantity"] for listing in found["listings"]}

    async def history(self) -> dict[str, list[Shown]]:
        """Listing -> every change of its figure."""
        found = await self._get("/status.json", history=1)
        return {
            listing["listing_id"]: [
                Shown(change["at_s"], change["quantity"], change["cause"] == "push")
                for change in listing["history"]
            ]
            for listing in found["listings"]
        }

    async def cancel(self, order_reference: str) -> None:
        """The buyer cancels on the marketplace's page."""
        await self._post(f"/orders/{order_reference}/cancel", {"reason": "berubah pikiran"})

    async def announce_return(self, order_reference: str) -> None:
        """The buyer sends the parcel back."""
        await self._post(f"/orders/{order_reference}/return", {"reason": "warna tidak cocok"})

    async def _order(self, page: Purchase) -> bool:
        """True unless the page said that it is sold out."""
        body = {
            "buyer_id": page.buyer.name,
            "courier": page.buyer.courier,
            "lines": [
                {"listing_id": self.marketplace.listing_of(sku_code), "quantity": quantity}
                for sku_code, quantity in page.buyer.basket
            ],
        }
        async with self._connections:
            response = await self._browser.post("/orders", json=body)
        if response.status_code == httpx.codes.CONFLICT:
            page.ending, page.reason = Ending.REFUSED, SHOWN_SOLD_OUT
            return False
        page.order_reference = response.raise_for_status().json()["order_id"]
        self._waiting[page.order_reference] = page
        return True

    async def _get(self, path: str, **query: Any) -> Any:
        return (await self._browser.get(path, params=query)).raise_for_status().json()

    async def _post(self, path: str, body: dict[str, str]) -> None:
        (await self._browser.post(path, json=body)).raise_for_status()


def _write_answer(page: Purchase, order: dict[str, Any]) -> None:
    page.answer_s = order["answered_at_s"] - order["placed_at_s"]
    if order["state"] == "ACCEPTED":
        page.ending = Ending.SOLD
    else:
        page.ending, page.reason = Ending.REFUSED, order["reason"]
