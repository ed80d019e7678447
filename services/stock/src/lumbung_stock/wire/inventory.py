"""Warehouses, bins, movements and figures as the contract shows them."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung.stock.v1 import availability_pb2 as availability_pb
from lumbung.stock.v1 import geo_pb2
from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.availability import Availability, ComponentShare, EscrowShare
from lumbung_stock.domain.geography import GeoPoint
from lumbung_stock.domain.ledger import LedgerEntry
from lumbung_stock.domain.ledger_chain import ChainBreak, Seal
from lumbung_stock.domain.lots import LotUnits
from lumbung_stock.domain.places import Bin, PlaceQuantity, PlaceStock, Warehouse
from lumbung_stock.domain.replenishment import Reorder, Replenishment
from lumbung_stock.domain.shortfalls import Shortfall
from lumbung_stock.wire.reservations import timestamp


def warehouse_message(warehouse: Warehouse) -> pb.Warehouse:
    """A warehouse with its layout."""
    return pb.Warehouse(
        warehouse_code=warehouse.warehouse_code,
        name=warehouse.name,
        time_zone=warehouse.time_zone,
        priority=warehouse.priority,
        aisle_x_m=warehouse.aisle_x_m,
        cross_aisle_y_m=warehouse.cross_aisle_y_m,
        depot_x_m=warehouse.depot_x_m,
        location=_point(warehouse.location),
    )


def _point(place: GeoPoint | None) -> geo_pb2.GeoPoint | None:
    if place is None:
        return None
    return geo_pb2.GeoPoint(latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg)


def bin_message(one: Bin) -> pb.Bin:
    """A bin with its position."""
    return pb.Bin(
        bin_code=one.bin_code,
        kind=pb.BinKind.ValueType(one.kind),
        zone=one.zone,
        aisle_index=one.aisle_index,
        y_m=one.y_m,
        bay=one.bay,
        level=one.level,
        capacity_units=one.capacity_units,
    )


def entry_message(entry: LedgerEntry) -> pb.LedgerEntry:
    """An entry of the ledger. One that has no document of its own shows the reservation that it was for."""
    reservation = str(entry.reservation_id) if entry.reservation_id else ""
    return pb.LedgerEntry(
        sequence=entry.sequence,
        warehouse_code=entry.warehouse_code,
        sku_code=entry.sku_code,
        quantity=entry.quantity,
        from_place=entry.from_place,
        to_place=entry.to_place,
        kind=pb.MovementKind.ValueType(entry.kind),
        reason=entry.reason,
        document=entry.document or reservation,
        actor=entry.actor,
        request_id=entry.request_id,
        record_time=timestamp(entry.record_time),
        effective_time=timestamp(entry.effective_time),
        lot_code=entry.lot_code,
    )


def bin_stock_message(stock: PlaceStock, lots: Sequence[LotUnits] = ()) -> pb.BinStock:
    """Units of one SKU in one bin, and those of them that have a lot."""
    return pb.BinStock(
        bin_code=stock.place_code,
        sku_code=stock.sku_code,
        quantity=stock.quantity,
        lots=[
            pb.LotStock(
                lot_code=one.lot_code,
                quantity=one.quantity,
                expires_on=one.expires_on.isoformat() if one.expires_on else "",
                expired=one.expired,
                sale_end_time=timestamp(one.sale_end) if one.sale_end else None,
            )
            for one in lots
        ],
    )


def replenishment_message(figures: Replenishment) -> pb.Replenishment:
    """Safety stock and reorder figures."""
    return pb.Replenishment(
        warehouse_code=figures.warehouse_code,
        sku_code=figures.sku_code,
        safety_stock=figures.safety_stock,
        reorder_point=figures.reorder_point,
        reorder_quantity=figures.reorder_quantity,
    )


def reorder_need_message(reorder: Reorder) -> pb.ReorderNeed:
    """How urgently a SKU is to be reordered."""
    return pb.ReorderNeed(
        available_quantity=reorder.available,
        order_quantity=reorder.order_quantity,
        on_order_quantity=reorder.on_order,
        sold_quantity=reorder.sold,
        days_of_cover=reorder.days_of_cover,
    )


def difference_message(difference: LedgerDifference) -> pb.LedgerDifference:
    """A figure that is not what the ledger says."""
    return pb.LedgerDifference(
        warehouse_code=difference.warehouse_code,
        sku_code=difference.sku_code,
        place_code=difference.place_code,
        stored_quantity=difference.stored_quantity,
        ledger_quantity=difference.ledger_quantity,
        lot_code=difference.lot_code,
        of_expired=difference.of_expired,
    )


def chain_break_message(found: ChainBreak) -> pb.ChainBreak:
    """The first entry that is not as it was written."""
    return pb.ChainBreak(
        warehouse_code=found.warehouse_code,
        sequence=found.sequence,
        problem=pb.ChainProblem.ValueType(found.problem),
    )


def seal_message(seal: Seal) -> pb.LedgerSeal:
    """The end of a chain."""
    return pb.LedgerSeal(warehouse_code=seal.warehouse_code, sequence=seal.sequence, hash=seal.hash)


def availability_message(figures: Availability, channel_code: str) -> availability_pb.Availability:
    """One SKU's figures, with what a flash sale can give this channel."""
    offer = figures.best_offer(channel_code)
    return availability_pb.Availability(
        sku_code=figures.sku_code,
        warehouse_code=figures.warehouse_code,
        available_to_promise=figures.available_to_promise,
        flash_sale_available=offer.available if offer else 0,
        flash_sale_code=offer.flash_sale_code if offer else "",
        on_hand=figures.on_hand,
        held=figures.held,
        sold=figures.sold,
        safety_stock=figures.safety_stock,
        escrow=figures.escrow,
        shortfall=figures.shortfall,
        expired=figures.expired,
        read_time=timestamp(figures.read_time),
    )


def place_quantity_message(place: PlaceQuantity) -> availability_pb.PlaceQuantity:
    """Units at one place."""
    return availability_pb.PlaceQuantity(
        warehouse_code=place.warehouse_code, place_code=place.place_code, quantity=place.quantity
    )


def escrow_share_message(share: EscrowShare) -> availability_pb.EscrowShare:
    """One flash sale's share of a SKU."""
    return availability_pb.EscrowShare(
        flash_sale_code=share.flash_sale_code,
        warehouse_code=share.warehouse_code,
        quota=share.quota,
        remaining=share.remaining,
        held=share.held,
        sold=share.sold,
        shipped=share.shipped,
    )


def component_share_message(share: ComponentShare) -> availability_pb.ComponentShare:
    """A component's part in a bundle's figure."""
    return availability_pb.ComponentShare(
        sku_code=share.sku_code,
        quantity_per_bundle=share.quantity_per_bundle,
        bundles_possible=share.bundles_possible,
    )


def shortfall_message(shortfall: Shortfall) -> availability_pb.Shortfall:
    """Reality below promise."""
    return availability_pb.Shortfall(
        warehouse_code=shortfall.warehouse_code,
        sku_code=shortfall.sku_code,
        missing_quantity=shortfall.missing_quantity,
        reservation_ids=[str(reservation_id) for reservation_id in shortfall.reservation_ids],
        raise_time=timestamp(shortfall.raise_time),
    )
