"""Where in the event log each SKU changed last: for watchers that come back and want only what they missed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable


class RecentChanges:
    """The last change of up to `skus_max` SKUs, complete behind position `floor`."""

    def __init__(self, *, skus_max: int) -> None:
        self._skus_max = skus_max
        self._positions: OrderedDict[str, int] = OrderedDict()
        self.floor = 0

    def note(self, position: int, sku_codes: Iterable[str]) -> None:
        """These SKUs changed at this position, which is not before any that was noted. The oldest are forgotten."""
        for code in sku_codes:
            self._positions[code] = position
            self._positions.move_to_end(code)
        while len(self._positions) > self._skus_max:
            _, forgotten = self._positions.popitem(last=False)
            self.floor = max(self.floor, forgotten)

    def begin_at(self, position: int) -> None:
        """Changes up to here were not looked at."""
        self.floor = max(self.floor, position)

    def since(self, position: int, sku_codes: Iterable[str]) -> set[str] | None:
        """Those of these SKUs that changed behind `position`; None when that is too long ago to know."""
        if position < self.floor:
            return None
        return {code for code in sku_codes if self._positions.get(code, 0) > position}
