"""Products in PostgreSQL."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from lumbung_catalog.domain.products import Axis, NewProduct, Product
from lumbung_catalog.stores import rows
from lumbung_catalog.stores.query import fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "products.sql")
_LOAD = _SQL["load_products"]
_LOAD_IN_ANY_CASE = _SQL["products_in_any_case"]
_LOCK = _SQL["lock_product"]
_LOCK_ALL = _SQL["lock_products"]
_INSERT = _SQL["insert_products"]
_UPDATE = _SQL["update_product"]
_SET_AXES = _SQL["set_axes"]
_LIST = _SQL["list_products"]


async def load(conn: Conn, product_code: str) -> Product | None:
    """The product with exactly this code."""
    found = await fetch(conn, _LOAD, {"codes": [product_code]})
    return rows.product(found[0]) if found else None


async def load_all(conn: Conn, codes: Sequence[str]) -> dict[str, Product]:
    """Products by their exact codes; unknown ones are missing."""
    return {
        row["product_code"]: rows.product(row) for row in await fetch(conn, _LOAD, {"codes": list(codes)})
    }


async def lock_all(conn: Conn, codes: Sequence[str]) -> dict[str, Product]:
    """Products, kept from others' changes until the end of the transaction."""
    return {
        row["product_code"]: rows.product(row) for row in await fetch(conn, _LOCK_ALL, {"codes": list(codes)})
    }


async def load_in_any_case(conn: Conn, codes: Sequence[str]) -> dict[str, Product]:
    """Products by their own codes, found in whatever letter case they are asked for."""
    found = await fetch(conn, _LOAD_IN_ANY_CASE, {"folded_codes": [code.lower() for code in codes]})
    return {row["product_code"]: rows.product(row) for row in found}


async def lock(conn: Conn, product_code: str) -> Product | None:
    """The product, kept from others' changes until the end of the transaction."""
    found = await fetch(conn, _LOCK, {"product_code": product_code})
    return rows.product(found[0]) if found else None


async def insert(conn: Conn, products: Sequence[NewProduct]) -> dict[str, Product]:
    """Creates products; those whose code is taken are missing in the answer."""
    new = [
        {
            "product_code": product.product_code,
            "name": product.name,
            "description": product.description,
            "option_axes": [_axis(axis) for axis in product.axes],
        }
        for product in products
    ]
    created = await fetch(conn, _INSERT, {"rows": Jsonb(new)})
    return {row["product_code"]: rows.product(row) for row in created}


def _axis(axis: Axis) -> dict[str, object]:
    return {"name": axis.name, "values": list(axis.values)}


async def update(conn: Conn, product_code: str, name: str, description: str) -> Product:
    """Changes a product that is locked."""
    changed = await fetch(
        conn, _UPDATE, {"product_code": product_code, "name": name, "description": description}
    )
    return rows.product(changed[0])


async def set_axes(conn: Conn, product_code: str, axes: Sequence[Axis]) -> Product:
    """Changes the axes of a product that is locked."""
    wanted = {"product_code": product_code, "option_axes": Jsonb([_axis(axis) for axis in axes])}
    return rows.product((await fetch(conn, _SET_AXES, wanted))[0])


async def page(conn: Conn, after_code: str, limit: int) -> list[Product]:
    """Products after a code, in order of code."""
    return [rows.product(row) for row in await fetch(conn, _LIST, {"after_code": after_code, "limit": limit})]
