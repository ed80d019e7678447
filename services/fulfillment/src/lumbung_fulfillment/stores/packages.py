"""Parcels in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumbung_fulfillment.domain.failures import PackageNotFound
from lumbung_fulfillment.domain.packing import Package, PackageItem, PackageState
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "packages.sql")
_INSERT, _INSERT_ITEMS, _GET, _OF_ORDER = (
    _SQL[name] for name in ("insert", "insert_items", "get", "of_order")
)
_LOCK, _SAVE_CHECKED, _CLOSE, _VOID_OF_ORDER = (
    _SQL[name] for name in ("lock", "save_checked", "close", "void_of_order")
)

_TOTES, _TRACKING_NUMBER = _SQL["totes_of_order"], _SQL["tracking_number"]
TOTES_MAX = 20
"""Totes that a label names; an order rides more than once only when goods were short."""


@dataclass(frozen=True, slots=True)
class ToteOnCart:
    """Where goods of an order lie."""

    cart_code: str
    tote_position: int


def _package(row: Row) -> Package:
    fields = {name: value for name, value in row.items() if name != "actor"}
    return Package(
        **fields
        | {
            "state": PackageState(row["state"]),
            "items": tuple(PackageItem(*item) for item in row["items"]),
        }
    )


async def insert(conn: Conn, package_id: UUID, order_id: UUID, station_code: str) -> None:
    """A parcel for everything that an order needs; one per order (constraint package_one_per_order)."""
    row = {
        "package_id": package_id,
        "order_id": order_id,
        "station_code": station_code,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT, row)
    await execute(conn, _INSERT_ITEMS, row)


async def get(conn: Conn, package_id: UUID) -> Package:
    """Raises PackageNotFound."""
    row = await fetch_one(conn, _GET, {"package_id": package_id})
    if row is None:
        raise PackageNotFound(metadata={"package_id": str(package_id)})
    return _package(row)


async def of_order(conn: Conn, order_id: UUID) -> Package | None:
    """The parcel of an order, if it has one."""
    row = await fetch_one(conn, _OF_ORDER, {"order_id": order_id})
    return _package(row) if row else None


async def lock(conn: Conn, package_id: UUID) -> Package:
    """Locked until the end of the transaction, after its order. Raises PackageNotFound."""
    await execute(conn, _LOCK, {"package_id": package_id})
    return await get(conn, package_id)


async def save_checked(conn: Conn, package_id: UUID, sku_code: str, checked_quantity: int) -> None:
    """So many of a SKU are checked into it."""
    row = {"package_id": package_id, "sku_code": sku_code, "checked_quantity": checked_quantity}
    await execute(conn, _SAVE_CHECKED, row)


async def close(
    conn: Conn,
    package_id: UUID,
    *,
    weight_g: int,
    contents_weight_g: int | None,
    packaging_weight_g: int,
    override_reason: str,
) -> None:
    """Nothing more goes into it. Weights are in grams."""
    row = {
        "package_id": package_id,
        "weight_g": weight_g,
        "contents_weight_g": contents_weight_g,
        "packaging_weight_g": packaging_weight_g,
        "override_reason": override_reason,
    }
    await execute(conn, _CLOSE, row)


async def totes_of_order(conn: Conn, order_id: UUID) -> list[ToteOnCart]:
    """Where goods of an order were picked into, the first first."""
    rows = await fetch(conn, _TOTES, {"order_id": order_id, "limit": TOTES_MAX})
    return [ToteOnCart(**row) for row in rows]


async def tracking_number(conn: Conn, package_id: UUID) -> str:
    """The courier's number, or empty."""
    row = await fetch_one(conn, _TRACKING_NUMBER, {"package_id": package_id})
    return str(row["tracking_number"]) if row else ""


async def void_of_order(conn: Conn, order_id: UUID) -> None:
    """It has to be unpacked."""
    await execute(conn, _VOID_OF_ORDER, {"order_id": order_id})
