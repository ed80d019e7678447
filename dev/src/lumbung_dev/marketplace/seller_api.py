"""The sellers' API: figures in batches with partial success, answers to orders."""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lumbung_dev.marketplace.bodies import BadBody, read_object, rows, text, whole
from lumbung_dev.marketplace.shop import LISTINGS_MAX, RowResult, Shop

ROWS_MAX = 100
LISTINGS_PER_CALL_MAX = 1_000
CALLS_KEPT = 10_000

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Faults:
    """How the API misbehaves: the next `calls` calls get `status`."""

    status: int = 0
    calls: int = 0
    retry_after_s: int | None = None

    def take(self) -> Response | None:
        """The misbehaviour for one call, or None."""
        if self.calls <= 0:
            return None
        self.calls -= 1
        headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        return JSONResponse({"error": "told to misbehave"}, status_code=self.status, headers=headers)


class SellerApi:
    """Opened by the API key."""

    def __init__(self, shop: Shop, api_key: str) -> None:
        self._shop = shop
        self._api_key = api_key
        self.faults = Faults()
        self.calls: deque[tuple[float, int]] = deque(maxlen=CALLS_KEPT)
        """When each call came, and the status that it got."""

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/api/shop", self._with_key(self.shop), methods=["GET"]),
            Route("/api/listings", self._with_key(self.put_listings), methods=["PUT"]),
            Route("/api/figures", self._with_key(self.set_figures), methods=["PUT"]),
            Route("/api/figures", self._with_key(self.read_figures), methods=["GET"]),
            Route("/api/orders/answers", self._with_key(self.answer_orders), methods=["POST"]),
            Route("/api/faults", self._with_key(self.set_faults, can_fail=False), methods=["PUT"]),
        ]

    def _with_key(self, handler: Handler, *, can_fail: bool = True) -> Handler:
        async def handle(request: Request) -> Response:
            stated = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(stated.encode(), self._api_key.encode()):
                return JSONResponse({"error": "unauthorized"}, status_code=401)
            came_at = time.monotonic()
            response = (self.faults.take() if can_fail else None) or await handler(request)
            self.calls.append((came_at, response.status_code))
            return response

        return handle

    async def shop(self, _request: Request) -> Response:
        """Who this is."""
        return JSONResponse({"name": self._shop.name, "listings": len(self._shop.listings)})

    async def put_listings(self, request: Request) -> Response:
        """Makes or renames listings."""
        found = rows(await read_object(request), "listings", LISTINGS_PER_CALL_MAX)
        new = {text(row, "listing_id") for row in found} - self._shop.listings.keys()
        if len(self._shop.listings) + len(new) > LISTINGS_MAX:
            raise BadBody(f"a shop has at most {LISTINGS_MAX} listings", 409)
        for row in found:
            self._shop.put_listing(
                text(row, "listing_id"),
                text(row, "title"),
                text(row, "seller_sku", required=False),
                whole(row, "price_idr", default=0),
            )
        return JSONResponse({"listings": len(found)})

    async def set_figures(self, request: Request) -> Response:
        """Each row by itself."""
        found = rows(await read_object(request), "figures", ROWS_MAX)
        wanted = [
            (
                text(row, "listing_id"),
                whole(row, "quantity"),
                whole(row, "version", minimum=1),
                text(row, "sale_code", required=False),
            )
            for row in found
        ]
        return _results([(row[0], self._shop.set_figure(*row)) for row in wanted], "listing_id")

    async def read_figures(self, request: Request) -> Response:
        """What is shown now."""
        wanted = request.query_params.getlist("listing_id")
        if not 1 <= len(wanted) <= ROWS_MAX:
            raise BadBody(f"name 1 to {ROWS_MAX} listings by listing_id")
        figures = [
            {"listing_id": one.listing_id, "quantity": one.quantity, "version": one.version}
            for one in self._shop.chosen(wanted)
        ]
        return JSONResponse({"figures": figures})

    async def answer_orders(self, request: Request) -> Response:
        """Each row by itself."""
        found = rows(await read_object(request), "answers", ROWS_MAX)
        wanted = [
            (
                text(row, "order_id"),
                text(row, "answer"),
                text(row, "reason", required=False),
                str(row.get("message", ""))[:300],
            )
            for row in found
        ]
        return _results([(row[0], self._shop.answer(*row)) for row in wanted], "order_id")

    async def set_faults(self, request: Request) -> Response:
        """Misbehave from the next call on."""
        body = await read_object(request)
        self.faults.status = whole(body, "status", default=0)
        self.faults.calls = whole(body, "calls", default=0)
        self.faults.retry_after_s = body.get("retry_after_s")
        self._shop.misbehaving = {str(key): str(value) for key, value in body.get("listings", {}).items()}
        return JSONResponse({"misbehaving": True})


def _results(pairs: list[tuple[str, RowResult]], key: str) -> Response:
    return JSONResponse(
        {
            "results": [
                {
                    key: row_id,
                    "status": result.status,
                    "code": result.code,
                    "message": result.message,
                    "version": result.version,
                    "quantity": result.quantity,
                }
                for row_id, result in pairs
            ]
        }
    )
