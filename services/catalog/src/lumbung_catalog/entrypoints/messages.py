"""What only answers hold: history and versions, as messages."""

from lumbung.catalog.v1 import bundles_pb2, products_pb2, skus_pb2
from lumbung_catalog.stores.journal import Entry
from lumbung_catalog.stores.recipes import RecipeVersion
from lumbung_catalog.wire import recipe_message, timestamp


def history_message(entry: Entry) -> skus_pb2.SkuHistoryEntry:
    """One change of a SKU."""
    return skus_pb2.SkuHistoryEntry(
        version=entry.version,
        action=entry.action,
        actor=entry.actor,
        reason=entry.reason,
        request_id=entry.request_id,
        record_time=timestamp(entry.record_time),
        sku=skus_pb2.Sku.FromString(entry.snapshot),
    )


def product_history_message(entry: Entry) -> products_pb2.ProductHistoryEntry:
    """One change of a product."""
    return products_pb2.ProductHistoryEntry(
        version=entry.version,
        action=entry.action,
        actor=entry.actor,
        request_id=entry.request_id,
        record_time=timestamp(entry.record_time),
        product=products_pb2.Product.FromString(entry.snapshot),
    )


def recipe_version_message(version: RecipeVersion) -> bundles_pb2.RecipeVersion:
    """One version of a recipe with who set it."""
    return bundles_pb2.RecipeVersion(
        recipe=recipe_message(version.recipe),
        actor=version.actor,
        reason=version.reason,
        end_time=timestamp(version.end_time) if version.end_time else None,
    )
