"""The shop is what it says it is, before any service sees it."""

from __future__ import annotations

from collections import Counter

from stdnum import ean

from lumbung_catalog.domain.import_columns import COLUMNS, REQUIRED_COLUMNS
from lumbung_catalog.domain.import_plan import Existing, plan_import
from lumbung_catalog.domain.import_rows import read_row
from lumbung_catalog.domain.import_table import read_table
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.catalogue_file import catalogue_csv
from lumbung_dev.shop.goods import BUNDLES, FLASH_BUNDLE, FLASH_SKU, all_goods, good
from lumbung_dev.shop.outlets import MARKETPLACES
from lumbung_dev.shop.stocking import opening_stock, units_of


def test_catalogue_is_taken_by_the_catalog_without_error_or_warning() -> None:
    table = read_table(catalogue_csv(), COLUMNS, REQUIRED_COLUMNS)
    plan = plan_import([read_row(row, table.columns) for row in table.rows], Existing())
    assert (plan.errors, plan.warnings) == ((), ())
    assert len(plan.skus) == len(all_goods()) + len(BUNDLES) >= 200


def test_barcodes_are_indonesian_gtins_and_none_is_given_twice() -> None:
    pieces = [one.barcode for one in all_goods()]
    cartons = [one.carton_barcode for one in all_goods() if one.carton_barcode]
    assert all(len(code) == 13 and code.startswith("899") and ean.is_valid(code) for code in pieces)
    assert all(len(code) == 14 and code[1:].startswith("899") and ean.is_valid(code) for code in cartons)
    assert max(Counter(pieces + cartons).values()) == 1
    assert len(cartons) > 200


def test_a_bundle_contains_the_flash_sale_power_bank() -> None:
    components = {bundle.sku_code: dict(bundle.components) for bundle in BUNDLES}
    assert components[FLASH_BUNDLE][FLASH_SKU] == 1
    assert all(good(sku_code) for each in components.values() for sku_code in each)


def test_warehouse_has_bins_in_aisles_that_can_be_walked() -> None:
    bins = warehouse.places()
    assert len(bins) >= 300
    assert len({place.code for place in bins}) == len(bins)
    assert len({place.aisle for place in bins}) == len(warehouse.AISLE_X_M) >= 8
    front, back = warehouse.CROSS_AISLE_Y_M
    assert all(front < place.y_m < back for place in bins)


def test_every_sku_lies_in_bins_of_its_own_and_popular_ones_in_several() -> None:
    lots = opening_stock()
    codes = {place.code for place in warehouse.places()}
    assert {lot.sku_code for lot in lots} == {one.sku_code for one in all_goods()}
    assert {lot.bin_code for lot in lots} <= codes
    assert max(Counter(lot.bin_code for lot in lots).values()) == 1
    bins = Counter(lot.sku_code for lot in lots)
    assert all(bins[one.sku_code] >= 2 for one in all_goods() if one.product.fast_mover)
    assert units_of(FLASH_SKU) == 900


def test_marketplaces_list_known_goods_each_once() -> None:
    known = {one.sku_code for one in all_goods()} | {bundle.sku_code for bundle in BUNDLES}
    for marketplace in MARKETPLACES:
        listings = marketplace.listings()
        assert set(listings.values()) <= known
        assert len(set(listings.values())) == len(listings)
        assert listings[marketplace.listing_of(FLASH_SKU)] == FLASH_SKU
