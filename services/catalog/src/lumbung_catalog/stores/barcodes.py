"""Barcodes in PostgreSQL: the primary key holds that none has two owners."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from lumbung_catalog.domain.barcodes import Barcode, Owner
from lumbung_catalog.domain.failures import BarcodeTaken
from lumbung_catalog.domain.resolved import Match
from lumbung_catalog.domain.skus import SkuState
from lumbung_catalog.stores.query import execute, fetch
from lumbung_kit import sql
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "barcodes.sql")
_INSERT = _SQL["insert_barcodes"]
_DELETE = _SQL["delete_barcode"]
_OWNERS = _SQL["owners"]
_RESOLVE = _SQL["resolve"]


async def insert(conn: Conn, barcodes: Sequence[tuple[str, Barcode]], fields: Sequence[str] = ()) -> None:
    """Gives SKUs their barcodes. Raises BarcodeTaken for the first that has an owner, naming both."""
    new = [
        {
            "barcode_key": barcode.key,
            "code": barcode.code,
            "kind": int(barcode.kind),
            "sku_code": sku_code,
            "unit_code": barcode.unit_code,
        }
        for sku_code, barcode in barcodes
    ]
    created = {row["barcode_key"] for row in await fetch(conn, _INSERT, {"rows": Jsonb(new)})}
    for place, (_, barcode) in enumerate(barcodes):
        if barcode.key not in created:
            field = fields[place] if fields else "barcode.code"
            raise await _taken(conn, barcode, field)


async def _taken(conn: Conn, barcode: Barcode, field: str) -> BarcodeTaken:
    owner = (await owners(conn, [barcode.key]))[barcode.key]
    return BarcodeTaken(
        f"The barcode {barcode.code} belongs to {owner.sku_code} ({owner.unit_code}).",
        metadata={"sku_code": owner.sku_code, "unit_code": owner.unit_code, "code": barcode.code},
        fields=[FieldViolation(field, f"belongs to {owner.sku_code} ({owner.unit_code})")],
    )


async def delete(conn: Conn, sku_code: str, barcode: Barcode) -> None:
    """Takes a barcode from a SKU."""
    await execute(conn, _DELETE, {"barcode_key": barcode.key, "sku_code": sku_code})


async def owners(conn: Conn, keys: Sequence[str]) -> dict[str, Owner]:
    """Who has which barcode."""
    found = await fetch(conn, _OWNERS, {"keys": list(keys)})
    return {row["barcode_key"]: Owner(row["sku_code"], row["unit_code"]) for row in found}


async def resolve(conn: Conn, keys: Sequence[str]) -> dict[str, Match]:
    """What each barcode stands for, in one statement."""
    return {
        row["barcode_key"]: Match(
            sku_code=row["sku_code"],
            sku_name=row["sku_name"],
            unit_code=row["unit_code"],
            base_quantity=row["base_quantity"],
            state=SkuState(row["state"]),
        )
        for row in await fetch(conn, _RESOLVE, {"keys": list(keys)})
    }
