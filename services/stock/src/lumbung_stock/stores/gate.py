"""The flash sale's fast gate in Valkey. Never the truth: what it grants becomes real when Postgres has it.

All keys of one sale share the hash tag `{code}`, so that a sale lives on one shard of a cluster.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from uuid import UUID

from lumbung_kit.valkey import RedisScripts, ScriptCall, ScriptClient, Valkey, settings_of, translated_errors
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, Taken
from lumbung_stock.domain.reckoning import GateStanding
from lumbung_stock.domain.reservations import Durability
from lumbung_stock.stores.journal_codec import Outcome, available_of, encode

INSTALL_BATCH = 500
"""Holds written by one call of install_gate.lua, each of which keeps other sales of the server waiting for 1 ms."""
INSTALLS_IN_FLIGHT = 8

RECKON_MAX = 5_000
"""Entries of a journal that are looked at together: a script keeps everybody else waiting."""

RawEntry = tuple[str, Mapping[str, str]]
"""(entry id, fields) as read from the journal."""


_HELD = int(Outcome.HELD)
_json = json.JSONEncoder(separators=(",", ":")).encode

_OF_RESERVE = ("gate", "free", "requests", "holds", "customers", "journal")
_OF_REFUSE = ("gate", "free", "requests", "customers", "journal")

REFUSE_BATCH = 128
REFUSE_SKUS_MAX = 10
"""SKUs of a cart that may be refused together with others: a script takes some thousand arguments at most."""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """`hold_id` is the first request's when the request was seen before, None when nothing was decided.

    `available` is what the gate had of the SKUs when it decided; empty when it did so before. `complete`,
    told of soft holds only: the gate knows every request that was ever answered in the sale, so that this is the
    request's first answer.
    """

    outcome: Outcome
    hold_id: UUID | None
    available: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True, slots=True)
class GateStatus:
    """Whether a sale's gate takes reservations, and under which epoch; epoch 0: there is no gate."""

    armed: bool
    epoch: int


class Gate:
    """Calls of the scripts beside this module. Raises StoreUnavailable; after a time-out the outcome is unknown."""

    def __init__(self, client: Valkey, *, journal_max: int, scripts: ScriptClient | None = None) -> None:
        """`scripts` calls the scripts; redis-py when there is none."""
        self._client = client
        self._journal_max = journal_max
        scripts = scripts or RedisScripts(client)
        self._reserve = _load(scripts, "reserve.lua")
        self._refuse = _load(scripts, "refuse.lua")
        self._read = _load(scripts, "read_journal.lua")
        self._freeze = _load(scripts, "freeze_gate.lua")
        self._install = _load(scripts, "install_gate.lua")
        self._arm = _load(scripts, "arm_gate.lua")
        self._credit = _load(scripts, "credit_gate.lua")
        self._reckon = _load(scripts, "reckon_gate.lua")
        self._extend = _load(scripts, "extend_gate.lua")
        self._ack = _load(scripts, "ack_journal.lua")

    async def reserve(self, sale: FlashSale, cart: Cart, *, last_word: bool = True) -> GateAnswer:
        """Takes the cart's units of SKUs on sale, all or none, and journals the decision.

        Without `last_word`, a want of units decides nothing and is forgotten at once.
        """
        keys = _keys(sale.flash_sale_code, *_OF_RESERVE)
        return _decision(cart, await self._reserve(keys, self._wish(sale, cart, last_word=last_word)))

    async def reserve_all(self, sale: FlashSale, carts: Sequence[Cart]) -> list[GateAnswer]:
        """As `reserve` for each, in this order and in one exchange with the server; each decided by itself.

        What is raised says nothing of any of them: whoever asks again finds what was decided.
        """
        keys = _keys(sale.flash_sale_code, *_OF_RESERVE)
        answers = await self._reserve.many(keys, [self._wish(sale, cart) for cart in carts])
        return [_decision(cart, answer) for cart, answer in zip(carts, answers, strict=True)]

    def _wish(self, sale: FlashSale, cart: Cart, *, last_word: bool = True) -> list[str | int]:
        """The arguments of reserve.lua."""
        items = sale.item_by_sku()
        arguments: list[str | int] = [
            sale.epoch,
            cart.request_id,
            cart.content_hash.hex(),
            str(cart.reservation_id),
            cart.customer_reference,
            encode(cart),
            self._journal_max,
            int(last_word),
            _tail(cart),
            int(cart.durability is Durability.SOFT),
        ]
        for sku, units in sorted(cart.demand().items()):
            if item := items.get(sku):
                arguments += [sku, units, item.limit_per_customer]
        return arguments

    async def refuse(self, sale: FlashSale, carts: Sequence[Cart]) -> list[GateAnswer]:
        """Refuses those of up to REFUSE_BATCH carts that want more than is left, in one entry of the journal.

        One that could be served is LEFT_ALONE. Each has at most REFUSE_SKUS_MAX SKUs.
        """
        items = sale.item_by_sku()
        skus = {sku: index for index, sku in enumerate(items, start=1)}
        arguments: list[str | int] = [
            sale.epoch,
            self._journal_max,
            _tail(carts[0]),
            ",".join([str(cart.reservation_id) for cart in carts]),
            "\n".join([encode(cart) for cart in carts]),
            len(skus),
            *skus,
        ]
        for cart in carts:
            demand = [(sku, units) for sku, units in cart.demand().items() if sku in items]
            arguments += [cart.request_id, cart.content_hash.hex(), str(cart.reservation_id)]
            arguments += [cart.customer_reference, len(demand)]
            for sku, units in demand:
                arguments += [skus[sku], units, items[sku].limit_per_customer]
        answer = await self._refuse(_keys(sale.flash_sale_code, *_OF_REFUSE), arguments)
        if not answer:
            return [GateAnswer(Outcome.NOT_ARMED, None) for _ in carts]
        available, *answers = answer
        left = available_of(_text(available))
        return [_answer(cart, left, *each) for cart, each in zip(carts, answers, strict=True)]

    async def freeze(self, code: str, epoch: int) -> bool:
        """Shuts the gate under `epoch`; False when a newer epoch has it."""
        return bool(await self._freeze(_keys(code, "gate"), [epoch]))

    async def install(self, sale: FlashSale, taken: Sequence[Taken]) -> bool:
        """Writes the free units and the reservations of Postgres that took the others; False when overtaken."""
        keys = _keys(sale.flash_sale_code, "gate", "free", "requests", "holds", "customers")
        free = [part for item in sale.items for part in (item.sku_code, item.remaining)]
        if not await self._install(keys, [sale.epoch, "1", len(free), 0, 0, *free]):
            return False
        limited = {item.sku_code for item in sale.items if item.limit_per_customer}
        batches = [taken[start : start + INSTALL_BATCH] for start in range(0, len(taken), INSTALL_BATCH)]
        for start in range(0, len(batches), INSTALLS_IN_FLIGHT):
            calls = [
                self._install(keys, [sale.epoch, "0", 0, *_installed(batch, limited)])
                for batch in batches[start : start + INSTALLS_IN_FLIGHT]
            ]
            if not all(await asyncio.gather(*calls)):
                return False
        return True

    async def arm(self, code: str, epoch: int, *, complete: bool = False) -> bool:
        """Opens the gate under `epoch`; False when overtaken. `complete`: what was installed is every request that was
        ever answered in the sale."""
        return bool(await self._arm(_keys(code, "gate"), [epoch, int(complete)]))

    async def credit(self, code: str, epoch: int, holds: Sequence[tuple[UUID, Mapping[str, int]]]) -> bool:
        """Leaves holds just the units by SKU named with them, and gives back the rest; telling it again gives back
        nothing. False when the gate is not armed under `epoch`: ask again later."""
        keys = _keys(code, "gate", "free", "holds", "customers")
        arguments: list[str | int] = [epoch]
        for hold_id, kept in holds:
            arguments += [str(hold_id), json.dumps(dict(kept))]
        return int(await self._credit(keys, arguments)) >= 0

    async def extend(self, code: str, epoch: int, extensions: Sequence[tuple[UUID, str, int]]) -> bool:
        """Adds units, as (extension id, SKU, units), once for each id; False when the gate is not armed under
        `epoch`."""
        arguments: list[str | int] = [epoch]
        for extension_id, sku, units in extensions:
            arguments += [str(extension_id), sku, units]
        return int(await self._extend(_keys(code, "gate", "free", "holds"), arguments)) >= 0

    async def read_journal(
        self, code: str, count: int, wait_s: float = 0.0, *, after: str = ""
    ) -> list[RawEntry]:
        """The oldest entries that were not acknowledged, or those that follow `after`, which may be gone by now; waits
        up to `wait_s` for the first."""
        (journal,) = _keys(code, "journal")
        found = await self._read([journal], [count, after])
        if not found and wait_s:
            with translated_errors():
                await self._client.xread({journal: after or "0-0"}, count=1, block=max(1, int(wait_s * 1000)))
            found = await self._read([journal], [count, after])
        return [(_text(entry_id), _fields(fields)) for entry_id, fields in found]

    async def acknowledge(self, code: str, entries: Sequence[tuple[str, str]]) -> None:
        """Forgets entries, as (entry id, hold id), that Postgres has."""
        if entries:
            await self._ack(_keys(code, "journal"), [entry_id for entry_id, _ in entries])

    async def backlog(self, code: str) -> int:
        """Entries that Postgres may not have yet."""
        with translated_errors():
            return int(await self._client.xlen(_keys(code, "journal")[0]))

    async def has_hold(self, code: str, hold_id: UUID) -> bool:
        """Whether the gate has set units aside under this id, and was not told that they are free again."""
        with translated_errors():
            return bool(await self._client.hexists(_keys(code, "holds")[0], str(hold_id)))

    async def status(self, code: str) -> GateStatus:
        """Whether the gate is armed, and under which epoch."""
        with translated_errors():
            armed, epoch = await self._client.hmget(_keys(code, "gate")[0], ["armed", "epoch"])
        return GateStatus(armed is not None and _text(armed) == "1", int(epoch or 0))

    async def reckon(self, code: str, ids: Sequence[UUID]) -> GateStanding | None:
        """The gate at one instant, with what it knows of these holds and extensions; None when its journal is longer
        than RECKON_MAX."""
        keys = _keys(code, "gate", "free", "holds", "journal")
        answer = await self._reckon(keys, [RECKON_MAX, *map(str, ids)])
        return _gate_standing(*answer) if answer else None

    async def free_units(self, code: str) -> dict[str, int]:
        """What the gate may still give, by SKU."""
        with translated_errors():
            stored = await self._client.hgetall(_keys(code, "free")[0])
        return {_text(sku): int(units) for sku, units in stored.items()}

    async def remove(self, code: str) -> None:
        """Forgets a closed sale. Its journal must be empty and Postgres must have closed it."""
        with translated_errors():
            await self._client.unlink(
                *_keys(code, "gate", "free", "requests", "holds", "customers", "journal")
            )

    async def unsafe_settings(self) -> list[str]:
        """Settings under which Valkey may forget what it granted; none is what one wants."""
        wanted = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
        with translated_errors():
            found = {name: await settings_of(self._client, name) for name in wanted}
        return [
            f"{name} must be {wanted[name]}, not {value}"
            for name in wanted
            for value in sorted(found[name] - {wanted[name]})
        ]


def _load(scripts: ScriptClient, filename: str) -> ScriptCall:
    return scripts.script(files(__package__).joinpath(filename).read_text(encoding="utf-8"))


def _gate_standing(
    armed: Any, epoch: Any, seq: Any, unbroken: Any, free: Any, granted: Any, records: Any
) -> GateStanding:
    return GateStanding(
        armed=_text(armed) == "1",
        epoch=int(epoch),
        seq=int(seq),
        unbroken=_text(unbroken) == "1",
        free={sku: int(units) for sku, units in _pairs(free)},
        on_the_way=[hold for text in granted if (hold := _uuid(_text(text)))],
        records={
            hold: {sku: units for sku, units, _ in json.loads(record)[1]}
            for text, record in _pairs(records)
            if (hold := _uuid(text))
        },
    )


def _uuid(text: str) -> UUID | None:
    """None for the id of an entry that is not ours."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _pairs(flat: Sequence[Any]) -> list[tuple[str, str]]:
    """What comes one after the other, two by two."""
    texts = [_text(each) for each in flat]
    return list(zip(texts[::2], texts[1::2], strict=True))


def _installed(taken: Sequence[Taken], limited: set[str]) -> list[str | int]:
    """Holds, requests and customers' units as install_gate.lua wants them, after how many values the first two are."""
    holds: list[str | int] = []
    requests: list[str | int] = []
    customers: Counter[str] = Counter()
    for hold_id, request_id, content_hash, customer, units in taken:
        hold = str(hold_id)
        requests += (request_id, f"{content_hash.hex()}|{_HELD}|{hold}")
        if units:
            drawn = [[sku, quantity, sku in limited] for sku, quantity in units]
            holds += (hold, _json([customer, drawn]))
        for sku, quantity in units:
            if sku in limited:
                customers[f"{customer}\n{sku}"] += quantity
    counted = [part for pair in customers.items() for part in pair]
    return [len(holds), len(requests), *holds, *requests, *counted]


def _keys(code: str, *names: str) -> list[str]:
    return [f"lumbung:{{{code}}}:{name}" for name in names]


def _text(value: Any) -> str:
    """Of bytes that are no UTF-8 too: an entry that is not ours must not stop those behind it."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _fields(fields: Sequence[Any]) -> dict[str, str]:
    """Names and values, which come one after the other."""
    texts = [_text(each) for each in fields]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _tail(cart: Cart) -> str:
    """The part of a hold's id that an entry's id ends with."""
    return str(cart.reservation_id.int & (2**64 - 1))


def _decision(cart: Cart, answer: Sequence[Any]) -> GateAnswer:
    """The answer of reserve.lua. A winner does not ask what was left."""
    refused = len(answer) > 3 and answer[0] != Outcome.HELD
    return _answer(cart, available_of(_text(answer[3])) if refused else {}, *answer[:3])


def _answer(
    cart: Cart, left: Mapping[str, int], outcome: Any, hold_id: Any = None, complete: Any = b"0"
) -> GateAnswer:
    """A script's answer; one that was given before has no more than the outcome and the hold."""
    hold, own = _text(hold_id) if hold_id else "", cart.reservation_id
    return GateAnswer(
        Outcome(int(outcome)),
        None if not hold else own if hold == str(own) else UUID(hold),
        left,
        _text(complete) == "1",
    )
