"""Warehouses and their bins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from psycopg.rows import TupleRow

from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.sql import load
from lumbung_stock.domain.geography import GeoPoint
from lumbung_stock.domain.inventory_failures import WarehouseNotFound
from lumbung_stock.domain.places import Bin, BinKind, Warehouse
from lumbung_stock.stores.memory import Memory

_SQL = load(__package__, "warehouses.sql")
_CREATE, _FIND, _LIST, _BY_PRIORITY = (_SQL[name] for name in ("create", "find", "list", "by_priority"))
_PUT_BINS, _KNOWN_BINS, _LIST_BINS = (_SQL[name] for name in ("put_bins", "known_bins", "list_bins"))


async def create_warehouse(conn: Conn, warehouse: Warehouse) -> bool:
    """Writes a warehouse with the head of its ledger. False when its code is taken."""
    cursor = await conn.execute(
        _CREATE,
        {
            "warehouse_code": warehouse.warehouse_code,
            "name": warehouse.name,
            "time_zone": warehouse.time_zone,
            "priority": warehouse.priority,
            "aisle_x_m": list(warehouse.aisle_x_m),
            "cross_aisle_y_m": list(warehouse.cross_aisle_y_m),
            "depot_x_m": warehouse.depot_x_m,
            "latitude_deg": warehouse.location.latitude_deg if warehouse.location else None,
            "longitude_deg": warehouse.location.longitude_deg if warehouse.location else None,
        },
    )
    return await cursor.fetchone() is not None


async def find_warehouse(conn: Conn, warehouse_code: str) -> Warehouse:
    """One warehouse; raises WarehouseNotFound."""
    cursor = await conn.execute(_FIND, {"warehouse_code": warehouse_code})
    row = await cursor.fetchone()
    if row is None:
        raise WarehouseNotFound(
            f"There is no warehouse {warehouse_code}.", metadata={"warehouse_code": warehouse_code}
        )
    return _warehouse(row)


async def list_warehouses(conn: Conn, after: tuple[int, str], limit: int) -> list[Warehouse]:
    """By priority, then code; those behind `after`, which is (priority, code)."""
    cursor = await conn.execute(_LIST, {"after_priority": after[0], "after_code": after[1], "limit": limit})
    return [_warehouse(row) async for row in cursor]


async def warehouses_by_priority(conn: Conn) -> list[str]:
    """Codes in sourcing order."""
    return [code for code, _ in await places_by_priority(conn)]


async def places_by_priority(conn: Conn) -> list[tuple[str, GeoPoint | None]]:
    """Codes in sourcing order, and where they are."""
    cursor = await conn.execute(_BY_PRIORITY)
    return [(code, _location(latitude, longitude)) async for code, latitude, longitude in cursor]


async def put_bins(conn: Conn, warehouse_code: str, bins: Sequence[Bin]) -> tuple[int, int]:
    """Makes or changes bins; returns how many were made, and how many changed."""
    cursor = await conn.execute(
        _PUT_BINS,
        {
            "warehouse_code": warehouse_code,
            "bin_codes": [one.bin_code for one in bins],
            "kinds": [int(one.kind) for one in bins],
            "zones": [one.zone for one in bins],
            "aisle_indexes": [one.aisle_index for one in bins],
            "ys_m": [one.y_m for one in bins],
            "bays": [one.bay for one in bins],
            "levels": [one.level for one in bins],
            "capacities_units": [one.capacity_units for one in bins],
        },
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, 0)


async def known_bins(conn: Conn, warehouse_code: str, bin_codes: Iterable[str]) -> set[str]:
    """Those of these codes that are bins of the warehouse."""
    codes = {"warehouse_code": warehouse_code, "bin_codes": list(set(bin_codes))}
    cursor = await conn.execute(_KNOWN_BINS, codes)
    return {code async for (code,) in cursor}


async def list_bins(conn: Conn, warehouse_code: str, after_code: str, limit: int) -> list[Bin]:
    """Bins by code, those behind `after_code`."""
    page = {"warehouse_code": warehouse_code, "after_code": after_code, "limit": limit}
    cursor = await conn.execute(_LIST_BINS, page)
    return [Bin(code, BinKind(kind), *rest) async for code, kind, *rest in cursor]


class WarehouseBook:
    """The sourcing order in memory, at most `max_age_s` old: for the hot path."""

    def __init__(self, postgres: Postgres, *, max_age_s: float = 1.0) -> None:
        self._postgres = postgres
        self._order = Memory(self._load, max_age_s=max_age_s, max_entries=1)

    async def by_priority(self) -> list[str]:
        """Codes in sourcing order."""
        return [code for code, _ in await self.places()]

    async def places(self) -> Sequence[tuple[str, GeoPoint | None]]:
        """Codes in sourcing order, and where they are."""
        return (await self._order.find([""]))[""]

    def forget(self) -> None:
        """A warehouse was made."""
        self._order.forget([""])

    async def _load(self, keys: Collection[str]) -> Mapping[str, Sequence[tuple[str, GeoPoint | None]]]:
        async with self._postgres.connection() as conn:
            order = await places_by_priority(conn)
        return dict.fromkeys(keys, order)


def _warehouse(row: TupleRow) -> Warehouse:
    code, name, time_zone, priority, aisles, cross_aisles, depot, latitude, longitude = row
    return Warehouse(
        code,
        name,
        time_zone,
        priority,
        tuple(aisles),
        tuple(cross_aisles),
        depot,
        _location(latitude, longitude),
    )


def _location(latitude_deg: float | None, longitude_deg: float | None) -> GeoPoint | None:
    """Both or neither, as warehouse_location_whole says."""
    return None if latitude_deg is None or longitude_deg is None else GeoPoint(latitude_deg, longitude_deg)
