"""Watching availability through everything that ends a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung_client import InvalidRequest, LumbungClient, NotFound, Refused

if TYPE_CHECKING:
    from tests.client.conftest import Stock

pytestmark = pytest.mark.store

Changes = AsyncGenerator[pb.WatchAvailabilityResponse, None]


async def until_left(changes: Changes, units: int) -> int:
    """Reads until the figure is this; returns the position. Positions never go back."""
    position = 0
    async for change in changes:
        assert change.position >= position
        position = change.position
        if [each.available_to_promise for each in change.availabilities] == [units]:
            return position
    raise AssertionError("a watch has no end")


async def take(lumbung: LumbungClient, units: int) -> None:
    await lumbung.reserve({"A": units}, channel_code="web")


async def test_a_snapshot_then_what_changes(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 9)
    async with stock.client() as lumbung:
        changes = lumbung.watch_availability(["A"])
        await until_left(changes, 9)
        await take(lumbung, 2)
        position = await until_left(changes, 7)
        await changes.aclose()
        await take(lumbung, 1)
        later = lumbung.watch_availability(["A"], after_position=position)
        await until_left(later, 6)
        await later.aclose()


async def test_a_cut_connection_is_followed_by_what_was_missed(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 9)
    proxy = await stock.proxy()
    async with stock.client() as buyer, stock.client(proxy.address) as watcher:
        changes = watcher.watch_availability(["A"])
        await until_left(changes, 9)
        for left in (8, 7, 6):
            proxy.cut()
            await take(buyer, 1)
            await until_left(changes, left)
        await changes.aclose()


async def test_a_server_that_stops_is_followed_by_the_next(stock: Stock, port: int) -> None:
    replica = await stock.serve(port)
    await stock.put("A", 9)
    async with stock.client() as lumbung:
        changes = lumbung.watch_availability(["A"])
        await until_left(changes, 9)
        await replica.aclose()
        await stock.serve(port)
        await take(lumbung, 4)
        await until_left(changes, 5)
        await changes.aclose()


async def test_what_no_other_connection_would_mend_is_raised(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 9)
    async with stock.client() as lumbung:
        with pytest.raises(NotFound) as unknown:
            await anext(lumbung.watch_availability(["GONE"]))
        assert unknown.value.reason == "SKU_NOT_FOUND"
        with pytest.raises(Refused) as ahead:
            await anext(lumbung.watch_availability(["A"], after_position=10**9))
        assert ahead.value.reason == "POSITION_AHEAD"
        with pytest.raises(InvalidRequest):
            await anext(lumbung.watch_availability([]))
