"""The tree behind a figure as the contract shows it."""

from __future__ import annotations

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung_stock.domain.explanation import ChannelFigures, Listing, Node
from lumbung_stock.wire.reservations import timestamp


def node_message(node: Node) -> pb.FigureNode:
    """A figure and what it is made of."""
    return pb.FigureNode(
        kind=pb.FigureKind.ValueType(node.kind),
        quantity=node.quantity,
        formula=pb.FigureFormula.ValueType(node.formula),
        factor=node.factor,
        children=map(node_message, node.children),
        more_count=node.more_count,
        more_quantity=node.more_quantity,
        warehouse_code=node.warehouse_code,
        sku_code=node.sku_code,
        place_code=node.place_code,
        flash_sale_code=node.flash_sale_code,
        lot_code=node.lot_code,
        expires_on=node.expires_on.isoformat() if node.expires_on else "",
    )


def channel_message(channel_code: str, figures: ChannelFigures) -> pb.ChannelFigures:
    """What a channel shows."""
    return pb.ChannelFigures(
        channel_code=channel_code,
        answer=pb.ChannelAnswer.ValueType(figures.answer),
        listings=map(_listing_message, figures.listings),
        has_more=figures.has_more,
    )


def _listing_message(listing: Listing) -> pb.ListingFigure:
    return pb.ListingFigure(
        listing_ref=listing.listing_ref,
        state=listing.state,
        desired=node_message(listing.desired) if listing.desired else None,
        pushed_quantity=listing.pushed,
        push_time=timestamp(listing.push_time) if listing.push_time else None,
        confirmed_quantity=listing.confirmed,
        confirm_time=timestamp(listing.confirm_time) if listing.confirm_time else None,
        problem=listing.problem,
    )
