"""What goods weigh and take in room, remembered for a while: plans ask for the same SKUs again and again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from lumbung_fulfillment.domain.weights import SkuSize

REMEMBERED_S = 600.0
REMEMBERED_MAX = 50_000

Ask = Callable[[Sequence[str]], Awaitable[dict[str, SkuSize]]]


class Sizes:
    """The catalog's figures, at most ten minutes old. What has no figures yet is asked for each time."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, tuple[float, SkuSize]] = {}

    async def of(self, sku_codes: Sequence[str]) -> dict[str, SkuSize]:
        """By SKU; those that the catalog does not know are absent."""
        now = self._clock()
        found = {
            code: kept[1]
            for code in sku_codes
            if (kept := self._known.get(code)) is not None and now < kept[0]
        }
        missing = [code for code in sku_codes if code not in found]
        if missing:
            fresh = await self._ask(missing)
            self._remember(fresh, now + REMEMBERED_S)
            found |= fresh
        return found

    def _remember(self, fresh: dict[str, SkuSize], until: float) -> None:
        """Those that were asked for longest ago make room."""
        for code, size in fresh.items():
            self._known.pop(code, None)
            if size.weight_g and size.volume_ml:
                self._known[code] = (until, size)
        for code in list(islice(self._known, max(0, len(self._known) - REMEMBERED_MAX))):
            del self._known[code]
