"""The catalog's things as messages of its contract: for answers, events and the history."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.catalog.v1 import barcodes_pb2, products_pb2, skus_pb2
from lumbung_catalog.domain import gs1
from lumbung_catalog.domain.products import Product
from lumbung_catalog.domain.resolved import Problem, Resolved, Scan
from lumbung_catalog.domain.similarity import Similar
from lumbung_catalog.domain.skus import Component, Recipe, Sku


def timestamp(moment: datetime) -> Timestamp:
    """A moment as the contract writes it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def product_message(product: Product) -> products_pb2.Product:
    """A product, whole."""
    return products_pb2.Product(
        product_code=product.product_code,
        name=product.name,
        description=product.description,
        option_axes=[products_pb2.OptionAxis(name=axis.name, values=axis.values) for axis in product.axes],
        version=product.version,
        etag=product.etag,
        create_time=timestamp(product.create_time),
        update_time=timestamp(product.update_time),
    )


def sku_message(sku: Sku) -> skus_pb2.Sku:
    """A SKU, whole."""
    about = sku.description
    return skus_pb2.Sku(
        sku_code=sku.sku_code,
        product_code=sku.product_code,
        name=about.name,
        options=[skus_pb2.Option(axis=option.axis, value=option.value) for option in sku.options],
        kind=skus_pb2.SkuKind.ValueType(sku.kind),
        state=skus_pb2.SkuState.ValueType(sku.state),
        base_unit=sku.base_unit,
        units=[skus_pb2.Unit(unit_code=u.unit_code, base_quantity=u.base_quantity) for u in sku.units],
        barcodes=[
            skus_pb2.Barcode(code=b.code, kind=skus_pb2.BarcodeKind.ValueType(b.kind), unit_code=b.unit_code)
            for b in sku.barcodes
        ],
        recipe=recipe_message(sku.recipe) if sku.recipe else None,
        weight_g=about.weight_g,
        length_mm=about.length_mm,
        width_mm=about.width_mm,
        height_mm=about.height_mm,
        volume_ml=about.room_ml,
        fast_mover=about.fast_mover,
        lot_tracking=skus_pb2.LotTracking.ValueType(about.lot_tracking),
        shelf_life_days_min=about.shelf_life_days_min,
        version=sku.version,
        etag=sku.etag,
        create_time=timestamp(sku.create_time),
        update_time=timestamp(sku.update_time),
        retire_time=timestamp(sku.retire_time) if sku.retire_time else None,
        retire_reason=sku.retire_reason,
    )


def recipe_message(recipe: Recipe) -> skus_pb2.Recipe:
    """One version of a recipe."""
    return skus_pb2.Recipe(
        version=recipe.version,
        components=_component_messages(recipe.components),
        draws=_component_messages(recipe.draws),
        set_time=timestamp(recipe.set_time),
    )


def _component_messages(components: Sequence[Component]) -> list[skus_pb2.Component]:
    return [skus_pb2.Component(sku_code=c.sku_code, quantity=c.quantity) for c in components]


def similar_message(similar: Similar) -> skus_pb2.SimilarSku:
    """A SKU that looks like the one asked about."""
    return skus_pb2.SimilarSku(
        sku_code=similar.sku_code, name=similar.name, score=similar.score, field=similar.field
    )


def resolved_message(resolved: Resolved) -> barcodes_pb2.ResolvedBarcode:
    """What a scanned text is."""
    message = barcodes_pb2.ResolvedBarcode(
        code=resolved.code,
        sku_code=resolved.match.sku_code,
        sku_name=resolved.match.sku_name,
        unit_code=resolved.match.unit_code,
        base_quantity=resolved.base_quantity,
        state=skus_pb2.SkuState.ValueType(resolved.match.state),
    )
    if resolved.message is not None:
        message.MergeFrom(_gs1_fields(resolved.message))
    return message


def _gs1_fields(said: gs1.Message) -> barcodes_pb2.ResolvedBarcode:
    """What a GS1 message says besides whose it is."""
    return barcodes_pb2.ResolvedBarcode(
        gtin=said.gtin,
        count=said.count,
        lot=said.lot,
        serial=said.serial,
        expiry_date=said.expiry_date.isoformat() if said.expiry_date else "",
        best_before_date=said.best_before_date.isoformat() if said.best_before_date else "",
    )


def invalid_message(scan: Scan, problem: Problem) -> barcodes_pb2.InvalidBarcode:
    """A scanned text that can be nobody's."""
    return barcodes_pb2.InvalidBarcode(code=scan.code, problem=problem.description, expected=problem.expected)
