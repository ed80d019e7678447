"""The flash sale's protocol in the small: no order of its steps breaks a promise, and every known trap does."""

from __future__ import annotations

import pytest

from lumbung_dev.model.report import BREAKS_WITHIN, SAFE
from lumbung_dev.model.sale_protocol import Bounds, Variant
from lumbung_dev.model.search import TooManyWorldsError, search

KEEP_EVERY_PROMISE = dict(SAFE[:4]) | {
    "two committers": Bounds(requests=1, recoveries=0),
    "two recoverers at once": Bounds(
        requests=1, attempts=1, committers=1, recoverers=2, recoveries=2, crashes=0
    ),
    "two units": Bounds(units=2, attempts=1, committers=1, crashes=0),
    "Postgres alone and back": Bounds(requests=1, committers=1, crashes=0, fallbacks=1),
    "two crashes": Bounds(requests=1, attempts=1, committers=1, crashes=2, recoveries=2),
}
"""Small enough for every run of the tests; `make model` searches the larger ones."""


@pytest.mark.parametrize("bounds", KEEP_EVERY_PROMISE.values(), ids=KEEP_EVERY_PROMISE)
def test_no_order_of_steps_breaks_a_promise(bounds: Bounds) -> None:
    finding = search(bounds)
    assert not finding.broken, str(finding)
    assert finding.worlds > 1_000, "the search never left its door"


@pytest.mark.parametrize("variant", Variant, ids=lambda variant: variant.name.lower())
def test_every_known_trap_is_found(variant: Variant) -> None:
    finding = search(BREAKS_WITHIN[variant], variant)
    assert finding.broken, f"{variant.value}: {finding.worlds:,} worlds, and no promise is broken"
    assert finding.way


def test_a_search_that_cannot_end_says_so() -> None:
    with pytest.raises(TooManyWorldsError, match="100 worlds"):
        search(Bounds(), worlds_max=100)
