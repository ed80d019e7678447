"""Carts that this process has sent through a gate, kept until their journal entries come back to its committer."""

from __future__ import annotations

from collections import OrderedDict

from lumbung_stock.domain.carts import Cart

CARTS_MAX = 20_000


class CartsInFlight:
    """Spares the committer of the same process the reading of what it has written. At most CARTS_MAX, the newest:
    with another replica's committer nobody asks for them."""

    def __init__(self) -> None:
        self._carts: OrderedDict[str, Cart] = OrderedDict()

    def put(self, cart: Cart) -> None:
        """The cart is on its way to the gate."""
        self._carts[str(cart.reservation_id)] = cart
        if len(self._carts) > CARTS_MAX:
            self._carts.popitem(last=False)

    def drop(self, cart: Cart) -> None:
        """The gate has journaled nothing of it."""
        self._carts.pop(str(cart.reservation_id), None)

    def take(self, hold_id: str, flash_sale_code: str) -> Cart | None:
        """The cart of a hold, if it went through this sale's gate; a cart may have been sent through several."""
        cart = self._carts.get(hold_id)
        if cart is None or cart.flash_sale_code != flash_sale_code:
            return None
        return self._carts.pop(hold_id)
