"""What is remembered for a second: never older, never more than allowed, and loaded once for many."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from lumbung_stock.stores.memory import Memory


@dataclass
class Source:
    """Answers with how often it was asked; unknown keys begin with a question mark."""

    asked: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def load(self, keys: Collection[str]) -> Mapping[str, int]:
        self.asked.append(list(keys))
        number = len(self.asked)
        if self.gate is not None:
            await self.gate.wait()
        return {key: number for key in keys if not key.startswith("?")}


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def memory(source: Source, clock: Clock, *, max_entries: int = 10) -> Memory[str, int]:
    return Memory(source.load, max_age_s=1.0, max_entries=max_entries, clock=clock)


async def test_an_answer_is_loaded_once_until_it_is_too_old() -> None:
    source, clock = Source(), Clock()
    known = memory(source, clock)
    assert await known.find(["a", "b"]) == {"a": 1, "b": 1}
    assert await known.find(["b", "c"]) == {"b": 1, "c": 2}
    clock.now = 1.01
    assert await known.find(["a", "c"]) == {"a": 3, "c": 3}
    assert source.asked == [["a", "b"], ["c"], ["a", "c"]]


async def test_unknown_keys_are_absent_and_asked_for_again() -> None:
    source, clock = Source(), Clock()
    known = memory(source, clock)
    assert await known.find(["?"]) == {}
    assert await known.find(["?"]) == {}
    assert len(source.asked) == 2


async def test_those_who_miss_together_share_one_load() -> None:
    source, clock = Source(gate=asyncio.Event()), Clock()
    known = memory(source, clock)
    waiting = [asyncio.create_task(known.find(["a"])) for _ in range(20)]
    await asyncio.sleep(0)
    assert source.gate is not None
    source.gate.set()
    assert await asyncio.gather(*waiting) == [{"a": 1}] * 20
    assert len(source.asked) == 1


async def test_what_is_forgotten_is_asked_for_again_also_while_an_old_answer_is_on_its_way() -> None:
    source, clock = Source(gate=asyncio.Event()), Clock()
    known = memory(source, clock)
    late = asyncio.create_task(known.find(["a"]))
    await asyncio.sleep(0)
    known.forget(["a"])
    assert source.gate is not None
    source.gate.set()
    assert await late == {"a": 1}
    assert await known.find(["a"]) == {"a": 2}
    known.forget(["a"])
    assert await known.find(["a"]) == {"a": 3}


async def test_only_so_many_are_kept_those_used_last() -> None:
    source, clock = Source(), Clock()
    known = memory(source, clock, max_entries=2)
    await known.find(["a", "b"])
    await known.find(["a"])
    await known.find(["c"])
    assert await known.find(["a", "c"]) == {"a": 1, "c": 2}
    assert await known.find(["b"]) == {"b": 3}
