"""What buyers see and do."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lumbung_dev.marketplace import html
from lumbung_dev.marketplace.bodies import BadBody, read_object, rows, text, whole
from lumbung_dev.marketplace.shop import Listing, NotSold, Order, OrderState, Shop, WrongState
from lumbung_dev.marketplace.webhook_sender import WebhookSender

LINES_MAX = 20
NO_SUCH_ORDER = {"error": "order_unknown"}


class BuyerPages:
    """Open to everybody."""

    def __init__(self, shop: Shop, sender: WebhookSender) -> None:
        self._shop = shop
        self._sender = sender

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/", self.listings_page, methods=["GET"]),
            Route("/status.json", self.status, methods=["GET"]),
            Route("/orders.json", self.orders, methods=["GET"]),
            Route("/orders", self.place, methods=["POST"]),
            Route("/orders/{order_id}", self.order, methods=["GET"]),
            Route("/orders/{order_id}/cancel", self.cancel, methods=["POST"]),
            Route("/orders/{order_id}/return", self.announce_return, methods=["POST"]),
        ]

    async def listings_page(self, request: Request) -> Response:
        """The listings with their figures."""
        return HTMLResponse(html.listings_page(self._shop, _language(request)))

    async def status(self, request: Request) -> Response:
        """The same for programs."""
        with_history = request.query_params.get("history", "") not in ("", "0")
        chosen = self._shop.chosen(request.query_params.getlist("listing_id"))
        return JSONResponse(
            {
                "name": self._shop.name,
                "listings": [_listing(one, with_history=with_history) for one in chosen],
                "webhooks": dict(self._sender.counts),
            }
        )

    async def orders(self, request: Request) -> Response:
        """Every order, or those in one state."""
        state = request.query_params.get("state", "")
        found = [order for order in self._shop.orders.values() if state in ("", order.state.value)]
        counts = {each.value: 0 for each in OrderState}
        for order in self._shop.orders.values():
            counts[order.state.value] += 1
        return JSONResponse({"counts": counts, "orders": [_order(order) for order in found]})

    async def place(self, request: Request) -> Response:
        """Buys, if the marketplace's own figure allows."""
        body = await read_object(request)
        wanted = [
            (text(row, "listing_id"), whole(row, "quantity", minimum=1))
            for row in rows(body, "lines", LINES_MAX)
        ]
        buyer_id, courier = text(body, "buyer_id"), text(body, "courier", required=False)
        try:
            order = self._shop.place(buyer_id, courier, wanted, request.headers.get("traceparent", ""))
        except NotSold as refusal:
            status = 404 if refusal.error == "listing_unknown" else 409
            return JSONResponse(
                {"error": refusal.error, "listing_id": refusal.listing_id}, status_code=status
            )
        self._sender.order_placed(order)
        return JSONResponse(_order(order), status_code=201, headers={"location": f"/orders/{order.order_id}"})

    async def order(self, request: Request) -> Response:
        """How an order stands."""
        found = self._shop.orders.get(request.path_params["order_id"])
        if found is None:
            return JSONResponse(NO_SUCH_ORDER, status_code=404)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(html.order_page(self._shop, found, _language(request)))
        return JSONResponse(_order(found))

    async def cancel(self, request: Request) -> Response:
        """The buyer changes their mind."""
        reason = text(await read_object(request), "reason", required=False)
        return self._change(request, lambda order_id: self._cancelled(order_id, reason))

    async def announce_return(self, request: Request) -> Response:
        """The buyer sends it back."""
        reason = text(await read_object(request), "reason", required=False)
        return self._change(request, lambda order_id: self._returned(order_id, reason))

    def _cancelled(self, order_id: str, reason: str) -> Order:
        order = self._shop.cancel(order_id, reason)
        self._sender.order_cancelled(order)
        return order

    def _returned(self, order_id: str, reason: str) -> Order:
        order = self._shop.announce_return(order_id, reason)
        self._sender.return_announced(order)
        return order

    def _change(self, request: Request, change: Any) -> Response:
        try:
            return JSONResponse(_order(change(request.path_params["order_id"])))
        except KeyError:
            return JSONResponse(NO_SUCH_ORDER, status_code=404)
        except WrongState as refusal:
            return JSONResponse({"error": "wrong_state", "state": str(refusal)}, status_code=409)


def answer_bad_body(_request: Request, problem: Exception) -> Response:
    """What a body that cannot be accepted gets."""
    if not isinstance(problem, BadBody):
        raise problem
    return JSONResponse({"error": "bad_request", "message": problem.message}, status_code=problem.status)


def _language(request: Request) -> str:
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")[:2]
    return asked if asked in html.LANGUAGES else "en"


def _listing(listing: Listing, *, with_history: bool) -> dict[str, Any]:
    changed = listing.history[-1] if listing.history else None
    shown: dict[str, Any] = {
        "listing_id": listing.listing_id,
        "title": listing.title,
        "seller_sku": listing.seller_sku,
        "price_idr": listing.price_idr,
        "quantity": listing.quantity,
        "version": listing.version,
        "sale_code": listing.sale_code,
        "changed_at_s": changed.at_s if changed else None,
    }
    if with_history:
        shown["history"] = [
            {"at_s": one.at_s, "quantity": one.quantity, "cause": one.cause, "version": one.version}
            for one in listing.history
        ]
    return shown


def _order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "state": order.state.value,
        "reason": order.reason,
        "message": order.message,
        "buyer_id": order.buyer_id,
        "courier": order.courier,
        "lines": [
            {"listing_id": line.listing_id, "quantity": line.quantity, "sale_code": line.sale_code}
            for line in order.lines
        ],
        "placed_at_s": order.placed_at_s,
        "answered_at_s": order.answered_at_s,
        "status_url": f"/orders/{order.order_id}",
    }
