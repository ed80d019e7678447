"""What may be done to one SKU, and what may be in a recipe."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain import failures
from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind, lookup_keys
from lumbung_catalog.domain.recipes import Standing, check_changed, check_components
from lumbung_catalog.domain.skus import (
    Component,
    Description,
    Recipe,
    Sku,
    SkuKind,
    SkuState,
    barcode_to_remove,
    check_barcode_to_add,
    check_unit_to_add,
    check_unit_to_remove,
    in_order,
    require_active,
    require_bundle,
    require_etag,
)
from lumbung_catalog.domain.units import Unit
from lumbung_kit.failures import ConcurrentChange, Failure

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CARTON = Barcode("KAOS-CTN", BarcodeKind.INTERNAL, "carton")
KAOS = Sku(
    sku_code="KAOS",
    product_code="KAOS",
    options=(),
    kind=SkuKind.PLAIN,
    state=SkuState.ACTIVE,
    base_unit="pcs",
    description=Description("Kaos"),
    units=(Unit("pcs", 1), Unit("carton", 24)),
    barcodes=(CARTON,),
    recipe=None,
    version=3,
    create_time=NOW,
    update_time=NOW,
    retire_time=None,
    retire_reason="",
)
ACTIVE, RETIRED = Standing(SkuKind.PLAIN, SkuState.ACTIVE), Standing(SkuKind.PLAIN, SkuState.RETIRED)


@given(st.integers(0, 10**5), st.integers(0, 10**5), st.integers(0, 10**5))
def test_the_box_around_a_thing_is_never_too_small(length: int, width: int, height: int) -> None:
    room_ml = Description("Kaos", length_mm=length, width_mm=width, height_mm=height).room_ml
    assert 0 <= room_ml * 1000 - length * width * height < 1000


def test_a_volume_that_was_given_counts_more_than_the_box() -> None:
    assert Description("Bantal", length_mm=500, width_mm=400, height_mm=200, volume_ml=900).room_ml == 900


def test_a_stale_etag_is_answered_with_the_current_one() -> None:
    with pytest.raises(ConcurrentChange) as refused:
        require_etag(KAOS.etag, "2")
    assert refused.value.metadata == {"etag": "3"}
    require_etag(KAOS.etag, "3")


def test_a_retired_sku_is_not_changed() -> None:
    require_active(KAOS)
    with pytest.raises(failures.SkuRetired):
        require_active(replace(KAOS, state=SkuState.RETIRED, retire_time=NOW))


def test_a_units_conversion_is_set_once() -> None:
    with pytest.raises(failures.UnitExists):
        check_unit_to_add(KAOS, Unit("carton", 12))


def test_units_and_barcodes_have_a_limit() -> None:
    many = replace(
        KAOS,
        units=tuple(Unit(f"u{i}", i + 1) for i in range(8)),
        barcodes=tuple(Barcode(f"B{i}", BarcodeKind.INTERNAL, "u0") for i in range(16)),
    )
    with pytest.raises(failures.UnitLimit):
        check_unit_to_add(many, Unit("pallet", 960))
    with pytest.raises(failures.BarcodeLimit):
        check_barcode_to_add(many, Barcode("B16", BarcodeKind.INTERNAL, "u0"))


def test_a_barcode_needs_its_unit() -> None:
    with pytest.raises(failures.UnitNotFound):
        check_barcode_to_add(KAOS, Barcode("KAOS-PLT", BarcodeKind.INTERNAL, "pallet"))


@pytest.mark.parametrize(
    ("unit_code", "failure"),
    [
        ("pcs", failures.UnitIsBase),
        ("pallet", failures.UnitNotFound),
        ("carton", failures.UnitHasBarcodes),
    ],
)
def test_a_unit_in_use_stays(unit_code: str, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        check_unit_to_remove(KAOS, unit_code)


def test_a_barcode_is_removed_by_what_the_scanner_reads() -> None:
    assert barcode_to_remove(KAOS, lookup_keys("KAOS-CTN")) == CARTON
    with pytest.raises(failures.BarcodeUnknown):
        barcode_to_remove(KAOS, lookup_keys("kaos-ctn"))


def test_only_a_bundle_has_a_recipe() -> None:
    with pytest.raises(failures.NotABundle):
        require_bundle(KAOS)


def test_what_was_asked_twice_is_answered_once_in_order() -> None:
    found, missing = in_order(["B", "KAOS", "B", "A", "KAOS"], {"KAOS": KAOS})
    assert ([sku.sku_code for sku in found], missing) == (["KAOS"], ["B", "A"])


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("PAKET", failures.RecipeCycle),
        ("paket", failures.RecipeCycle),
        ("HILANG", failures.ComponentNotFound),
        ("TUA", failures.SkuRetired),
    ],
)
def test_what_a_bundle_may_not_consume(code: str, failure: type[Failure]) -> None:
    known = {"TUA": RETIRED, "KAOS": ACTIVE}
    with pytest.raises(failure) as refused:
        check_components("PAKET", [Component("KAOS", 1), Component(code, 1)], known)
    assert refused.value.metadata["sku_code"] == code
    assert [violation.field for violation in refused.value.fields] == ["components[1].sku_code"]


def test_a_recipe_in_another_order_is_no_new_recipe() -> None:
    current = Recipe(1, (Component("A", 1), Component("B", 2)), NOW)
    check_changed(current, [Component("B", 2), Component("A", 2)])
    with pytest.raises(failures.RecipeUnchanged):
        check_changed(current, [Component("B", 2), Component("A", 1)])
