"""Set a SKU's pick face by hand."""

from __future__ import annotations

from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.failures import UnknownBin
from lumbung_fulfillment.stores import replenishments
from lumbung_kit.postgres import Conn


async def require_face_bin(stock: Stock, warehouse_code: str, face: PickFace) -> None:
    """Only a bin that is picked from can be a face. Raises WarehouseNotFound, LayoutUnusable, UnknownBin."""
    place = (await stock.floor(warehouse_code)).bins.get(face.bin_code)
    if place is None:
        raise UnknownBin(metadata={"scanned": face.bin_code})
    if place.is_reserve:
        raise UnknownBin(
            f"{face.bin_code} is a bulk bin, not a pick face", metadata={"scanned": face.bin_code}
        )


async def set_pick_face(conn: Conn, warehouse_code: str, face: PickFace) -> PickFace:
    """The bin is known to be one that is picked from."""
    await replenishments.put_face(conn, warehouse_code, face)
    return face
