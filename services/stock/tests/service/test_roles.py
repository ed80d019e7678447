"""Every operation is refused to the wrong role, before it does anything."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung_kit.testing import wrongly_answered

pytestmark = pytest.mark.store


async def test_every_method_is_refused_to_those_it_is_not_for(shop: Any) -> None:
    before = await shop.dump()
    assert await wrongly_answered(shop.server) == []
    assert await shop.dump() == before
