"""Every operation is refused to the wrong role, before it does anything."""

from __future__ import annotations

from typing import Any

from lumbung_kit.testing import wrongly_answered


async def test_every_method_is_refused_to_those_it_is_not_for(world: Any) -> None:
    assert await wrongly_answered(world.server) == []
