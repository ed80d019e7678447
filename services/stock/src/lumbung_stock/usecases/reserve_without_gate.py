"""Reserve while Valkey is away: who comes at the same time is decided in one transaction, as in an ordinary sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.failures import Failure
from lumbung_stock.domain.flash_sales import shown_code
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.domain.without_gate import Undecided, Wish
from lumbung_stock.usecases.decide_together import together_or_alone
from lumbung_stock.usecases.sale_ports import SaleLedger

Answer = Reservation | BaseException


@dataclass(frozen=True, slots=True)
class DecideWithoutGate:
    """Decides a micro-batch of carts, one transaction for each sale: what the batcher calls."""

    ledger: SaleLedger

    async def __call__(self, wishes: list[Wish]) -> Sequence[Answer]:
        """One answer per wish: a reservation that Postgres has, or why there is none."""
        places: dict[str, list[int]] = {}
        for place, wish in enumerate(wishes):
            places.setdefault(shown_code(wish.cart.flash_sale_code), []).append(place)
        answers: dict[int, Answer] = {}
        for code, of_sale in places.items():
            decided = await self._decide(code, [wishes[place] for place in of_sale])
            answers.update(zip(of_sale, decided, strict=True))
        return [answers[place] for place in range(len(wishes))]

    async def _decide(self, code: str, wishes: Sequence[Wish]) -> Sequence[Answer]:
        """Trouble with one sale is not the others'."""

        async def decide(some: Sequence[Wish]) -> Sequence[Reservation | Failure | Undecided]:
            return await self.ledger.settle_without_gate(code, some)

        try:
            return await together_or_alone(wishes, decide)
        except Failure as failure:
            return [failure] * len(wishes)
