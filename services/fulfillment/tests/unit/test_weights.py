"""What a parcel may weigh, by its contents and its packaging; and how a sort code reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.failures import WeightImplausible
from lumbung_fulfillment.domain.labels import sort_code
from lumbung_fulfillment.domain.packing import PackageItem
from lumbung_fulfillment.domain.weights import (
    Contents,
    SkuSize,
    WeightRange,
    contents_of,
    plausible,
    require_plausible_weight,
)

ITEMS = (PackageItem("RICE", 3), PackageItem("TEA", 1))


def test_contents_are_summed_and_an_unknown_weight_is_noticed() -> None:
    sizes = {"RICE": SkuSize(1000, 0), "TEA": SkuSize(50, 0)}
    assert contents_of(ITEMS, sizes) == Contents(3050, True)
    assert contents_of(ITEMS, sizes | {"TEA": SkuSize(0, 0)}) == Contents(3000, False)
    assert contents_of(ITEMS, {"RICE": SkuSize(1000, 0)}) == Contents(3000, False)


@pytest.mark.parametrize(
    ("contents", "packaging_g", "expected"),
    [
        (Contents(3000, True), 0, WeightRange(2850, 3750)),
        (Contents(3000, True), 200, WeightRange(3050, 3350)),
        (Contents(100, True), 0, WeightRange(90, 360)),
        (Contents(3000, False), 0, WeightRange(2850, None)),
        (Contents(0, False), 0, WeightRange(0, None)),
    ],
)
def test_what_is_plausible(contents: Contents, packaging_g: int, expected: WeightRange) -> None:
    assert plausible(contents, packaging_g) == expected


@given(st.integers(1, 50_000), st.integers(1, 5_000), st.floats(-0.05, 0.05))
def test_a_right_parcel_is_never_refused(contents_g: int, packaging_g: int, off: float) -> None:
    weighed = contents_g + packaging_g + int(contents_g * off)
    require_plausible_weight(weighed, Contents(contents_g, True), packaging_g)


@given(st.integers(100, 50_000), st.integers(1, 5_000))
def test_a_missing_fifth_is_always_noticed_when_the_packaging_is_known(
    contents_g: int, packaging_g: int
) -> None:
    with pytest.raises(WeightImplausible):
        require_plausible_weight(contents_g * 8 // 10 + packaging_g, Contents(contents_g, True), packaging_g)


def test_the_refusal_says_what_would_be_right() -> None:
    with pytest.raises(WeightImplausible) as refused:
        require_plausible_weight(2000, Contents(3000, True), 0)
    assert dict(refused.value.metadata) == {"weight_g": "2000", "least_g": "2850", "most_g": "3750"}
    with pytest.raises(WeightImplausible) as refused:
        require_plausible_weight(2000, Contents(3000, False), 0)
    assert "most_g" not in refused.value.metadata


def test_a_sort_code_is_in_the_warehouses_own_time() -> None:
    pickup = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
    assert sort_code("jne-reg", pickup, "Asia/Jakarta") == "JNE-REG 24-0030"
    assert sort_code("jne-reg", None, "Asia/Jakarta") == "JNE-REG"
    assert sort_code("", None, "") == "NO-COURIER"
