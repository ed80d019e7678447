"""What stock learns from the catalog's events."""

from __future__ import annotations

from dataclasses import dataclass, field

import grpc

from lumbung.catalog.v1 import events_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_kit.events import Consumer, EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.clients.catalog_events import catalog_events
from lumbung_stock.domain.lots import LotTracking
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores.sku_book import SkuBook
from lumbung_stock.usecases.apply_catalog_event import apply_catalog_event


def follow_catalog(
    postgres: Postgres, channel: grpc.aio.Channel, skus: SkuBook, log: EventLog
) -> Consumer[pb.Event]:
    """The consumer whose `run` keeps stock's picture of the catalog; each event takes effect once."""
    effects = CatalogEffects(skus, log)
    return Consumer(
        name="catalog",
        postgres=postgres,
        subscribe=catalog_events(channel),
        apply=effects.apply,
        after_commit=effects.after_commit,
    )


@dataclass(slots=True)
class CatalogEffects:
    """Writes each event's effect, and forgets what is remembered of it once that is committed."""

    skus: SkuBook
    log: EventLog
    _changed: set[str] = field(default_factory=set)

    async def apply(self, conn: Conn, event: pb.Event) -> None:
        """In the consumer's transaction. Products have no stock: only SKUs concern us."""
        if event.WhichOneof("payload") != "sku_changed":
            return
        snapshot = event.sku_changed.sku
        sku = sku_of(snapshot)
        if await apply_catalog_event(conn, sku, snapshot.version):
            self._changed.add(sku.sku_code)

    def after_commit(self) -> None:
        """The next who ask read the database, and the event goes out at once."""
        changed, self._changed = self._changed, set()
        self.skus.forget(changed)
        self.log.poke()


_TRACKING = {
    skus_pb2.LOT_TRACKING_LOT: LotTracking.LOT,
    skus_pb2.LOT_TRACKING_LOT_AND_EXPIRY: LotTracking.LOT_AND_EXPIRY,
}


def sku_of(snapshot: skus_pb2.Sku) -> SkuRecord:
    """A SKU as stock sees it: of a bundle, what it draws on, nested bundles resolved."""
    draws = snapshot.recipe.draws or snapshot.recipe.components
    return SkuRecord(
        sku_code=snapshot.sku_code,
        name=snapshot.name,
        is_bundle=snapshot.kind == skus_pb2.SKU_KIND_BUNDLE,
        active=snapshot.state == skus_pb2.SKU_STATE_ACTIVE,
        components=tuple((draw.sku_code, draw.quantity) for draw in draws),
        recipe_version=snapshot.recipe.version,
        lot_tracking=_TRACKING.get(snapshot.lot_tracking, LotTracking.NONE),
        shelf_life_days_min=snapshot.shelf_life_days_min,
    )
