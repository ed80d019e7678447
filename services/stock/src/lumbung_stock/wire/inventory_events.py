"""What happened to goods, as the events that others subscribe to."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung.stock.v1 import events_pb2 as pb
from lumbung_kit.events import NewEvent
from lumbung_stock.domain.ledger import LedgerEntry
from lumbung_stock.domain.lots import Marked
from lumbung_stock.domain.replenishment import Crossing
from lumbung_stock.domain.shortfalls import Backorder, ShortfallChange
from lumbung_stock.wire.inventory import entry_message, replenishment_message


def stock_moved(entries: Sequence[LedgerEntry]) -> NewEvent:
    """Goods moved, within one warehouse."""
    moved = pb.StockMoved(entries=[entry_message(entry) for entry in entries])
    event = pb.Event(stock_moved=moved)
    return NewEvent(kind="stock_moved", payload=event.SerializeToString(), subject=entries[0].warehouse_code)


def shortfall_changed(change: ShortfallChange) -> NewEvent:
    """Reality fell below what was promised, further than before; or it is no longer below."""
    key = {"warehouse_code": change.warehouse_code, "sku_code": change.sku_code}
    if change.missing_quantity:
        hits = [
            pb.PromiseHit(reservation_id=str(hit.reservation_id), missing_quantity=hit.missing)
            for hit in change.hits
        ]
        raised = pb.ShortfallRaised(**key, missing_quantity=change.missing_quantity, hits=hits)
        kind, event = "shortfall_raised", pb.Event(shortfall_raised=raised)
    else:
        kind, event = "shortfall_resolved", pb.Event(shortfall_resolved=pb.ShortfallResolved(**key))
    return NewEvent(kind=kind, payload=event.SerializeToString(), subject=change.sku_code)


def backorder_changed(backorder: Backorder) -> NewEvent:
    """Units of a sale wait for stock, or fewer of them do."""
    changed = pb.BackorderChanged(
        reservation_id=str(backorder.reservation_id),
        warehouse_code=backorder.warehouse_code,
        sku_code=backorder.sku_code,
        waiting_quantity=backorder.waiting,
    )
    payload = pb.Event(backorder_changed=changed).SerializeToString()
    return NewEvent(kind="backorder_changed", payload=payload, subject=str(backorder.reservation_id))


def lot_expiry_changed(warehouse_code: str, sku_code: str, lot_code: str, marked: Marked) -> NewEvent:
    """A lot may no longer be sold in a warehouse, or may be again."""
    changed = pb.LotExpiryChanged(
        warehouse_code=warehouse_code,
        sku_code=sku_code,
        lot_code=lot_code,
        expires_on=marked.expires_on.isoformat() if marked.expires_on else "",
        expired=marked.expired,
        quantity=marked.units,
    )
    payload = pb.Event(lot_expiry_changed=changed).SerializeToString()
    return NewEvent("lot_expiry_changed", payload, sku_code, traceparent="")


def reorder_point_crossed(crossing: Crossing) -> NewEvent:
    """Available fell to the reorder point, with the figures of that instant."""
    crossed = pb.ReorderPointCrossed(
        replenishment=replenishment_message(crossing.figures), available_quantity=crossing.available
    )
    payload = pb.Event(reorder_point_crossed=crossed).SerializeToString()
    return NewEvent("reorder_point_crossed", payload, crossing.figures.sku_code, traceparent="")
