"""SKUs in PostgreSQL, whole: with units, barcodes and the current recipe."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from lumbung_catalog.domain.barcodes import lookup_keys
from lumbung_catalog.domain.corrections import Corrected
from lumbung_catalog.domain.failures import OptionsTaken, SkuExists
from lumbung_catalog.domain.import_changes import SkuChange
from lumbung_catalog.domain.limits import LOOK_ALIKES_MAX, QUERY_WORDS_MAX
from lumbung_catalog.domain.products import Option, option_key
from lumbung_catalog.domain.recipes import Standing
from lumbung_catalog.domain.similarity import NAME_SCORE_MIN, Fingerprint, Known, fingerprint, signature
from lumbung_catalog.domain.skus import Description, NewSku, Sku, SkuKind, SkuState
from lumbung_catalog.domain.units import Unit
from lumbung_catalog.stores import rows
from lumbung_catalog.stores.query import execute, fetch
from lumbung_kit import sql
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn

LOOK_ALIKE_GROUPS = 64
ONE_BY_ONE_MAX = 20
"""New names that are each compared with all others, 13 to 30 ms for one among 100,000; more are compared together."""
MISSPELT_RANK_MIN = 100
MISSPELT_SIMILARITY_MIN = 0.45
_SPELT = re.compile(r"[^\W\d_]{4}")
"""What can be misspelt: a word. A number that is another is another thing."""

_SQL = sql.load(__package__, "skus.sql")
_LOAD = _SQL["load_skus"]
_LOCK = _SQL["lock_skus"]
_LOCK_COMPONENTS = _SQL["lock_components"]
_STANDINGS = _SQL["standings"]
_INSERT = _SQL["insert_skus"]
_CLASH = _SQL["clash"]
_OPTION_OWNERS = _SQL["option_owners"]
_INSERT_UNITS = _SQL["insert_units"]
_DELETE_UNIT = _SQL["delete_unit"]
_TOUCH = _SQL["touch"]
_UPDATE_DESCRIPTION = _SQL["update_description"]
_CHANGE = _SQL["change_skus"]
_LOCK_VERSIONS = _SQL["lock_versions"]
_CORRECT = _SQL["correct"]
_RETIRE = _SQL["retire"]
_REINSTATE = _SQL["reinstate"]
_SET_RECIPE_VERSIONS = _SQL["set_recipe_versions"]
_STANDINGS_OF = _SQL["standings_of"]
_LIST = _SQL["list_skus"]
_SEARCH = _SQL["search_skus"]
_HOLD_LOOK_ALIKES = _SQL["hold_look_alikes"]
_SEARCH_MISSPELT = _SQL["search_misspelt"]
_TOLERATE = _SQL["tolerate"]
_LOOK_ALIKES = _SQL["look_alikes"]
_NEAR = _SQL["near"]
_LOCK_UNSIGNED = _SQL["lock_unsigned"]
_SIGN = _SQL["sign"]


async def load(conn: Conn, codes: Sequence[str]) -> dict[str, Sku]:
    """SKUs by code, in one statement; unknown codes are missing."""
    return {row["sku_code"]: rows.sku(row) for row in await fetch(conn, _LOAD, {"codes": list(codes)})}


async def lock(conn: Conn, sku_code: str) -> Sku | None:
    """The SKU, kept from others' changes until the end of the transaction."""
    if not await fetch(conn, _LOCK, {"codes": [sku_code]}):
        return None
    return (await load(conn, [sku_code]))[sku_code]


async def lock_all(conn: Conn, codes: Sequence[str]) -> dict[str, Sku]:
    """SKUs, kept from others' changes until the end of the transaction."""
    await fetch(conn, _LOCK, {"codes": list(codes)})
    return await load(conn, codes)


async def lock_versions(conn: Conn, codes: Sequence[str]) -> dict[str, tuple[int, SkuState]]:
    """Version and state of SKUs, which stay so until the end of the transaction."""
    found = await fetch(conn, _LOCK_VERSIONS, {"codes": list(codes)})
    return {row["sku_code"]: (row["version"], SkuState(row["state"])) for row in found}


async def standings_of(conn: Conn, codes: Sequence[str]) -> dict[str, Standing]:
    """What lock_components says, of SKUs that nobody locks."""
    return _standings(await fetch(conn, _STANDINGS_OF, {"codes": list(codes)}))


async def lock_components(conn: Conn, codes: Sequence[str]) -> dict[str, Standing]:
    """What is known of components, which stays so until the end of the transaction."""
    return _standings(await fetch(conn, _LOCK_COMPONENTS, {"codes": list(codes)}))


async def standings(conn: Conn, codes: Sequence[str]) -> dict[str, Standing]:
    """Kind and state of SKUs by their own codes, found in whatever letter case they are asked for."""
    return _standings(await fetch(conn, _STANDINGS, {"folded_codes": [code.lower() for code in codes]}))


def _standings(found: Sequence[rows.Row]) -> dict[str, Standing]:
    return {
        row["sku_code"]: Standing(SkuKind(row["kind"]), SkuState(row["state"]), row["level"], rows.draws(row))
        for row in found
    }


async def insert(conn: Conn, skus: Sequence[NewSku]) -> None:
    """Creates SKUs with their units. Raises SkuExists or OptionsTaken, naming who was first."""
    created = await fetch(conn, _INSERT, {"rows": Jsonb([_sku_row(sku) for sku in skus])})
    codes = {row["sku_code"] for row in created}
    refused = next((sku for sku in skus if sku.sku_code not in codes), None)
    if refused is not None:
        raise await _clash(conn, refused)
    await insert_units(conn, [(sku.sku_code, unit) for sku in skus for unit in sku.units])


async def insert_units(conn: Conn, units: Sequence[tuple[str, Unit]]) -> None:
    """Gives SKUs their units."""
    new = [
        {"sku_code": sku_code, "unit_code": unit.unit_code, "base_quantity": unit.base_quantity}
        for sku_code, unit in units
    ]
    await execute(conn, _INSERT_UNITS, {"rows": Jsonb(new)})


def _sku_row(sku: NewSku) -> dict[str, Any]:
    about = sku.description
    compared = fingerprint(sku.sku_code, about.name, sku.product_code)
    return {
        "sku_code": sku.sku_code,
        "product_code": sku.product_code,
        **_description_row(about),
        "options": _options(sku.options),
        "option_key": option_key(sku.options),
        "kind": int(sku.kind),
        "base_unit": sku.base_unit,
        "recipe_version": 1 if sku.kind is SkuKind.BUNDLE else 0,
        "code_characters": compared.code_characters,
        **_name_row(compared),
    }


def _options(options: Sequence[Option]) -> list[dict[str, str]]:
    return [{"axis": option.axis, "value": option.value} for option in options]


async def _clash(conn: Conn, sku: NewSku) -> SkuExists | OptionsTaken:
    wanted = {
        "sku_code": sku.sku_code,
        "product_code": sku.product_code,
        "option_key": option_key(sku.options),
    }
    found = await fetch(conn, _CLASH, wanted)
    if not found:  # two of the same in one call: the second met the first
        return SkuExists(metadata={"sku_code": sku.sku_code})
    owner = found[0]["sku_code"]
    if found[0]["same_code"]:
        return SkuExists(
            f"The code {owner} is taken.",
            metadata={"sku_code": owner},
            fields=[FieldViolation("sku_code", f"is taken by {owner}")],
        )
    return OptionsTaken(
        f"{owner} of the same product has this combination of options.",
        metadata={"sku_code": owner},
        fields=[FieldViolation("options", f"is the combination of {owner}")],
    )


async def option_owners(conn: Conn, product_codes: Sequence[str]) -> dict[tuple[str, str], str]:
    """Which combinations of some products are taken, and by which SKU."""
    found = await fetch(conn, _OPTION_OWNERS, {"product_codes": list(product_codes)})
    return {(row["product_code"], row["option_key"]): row["sku_code"] for row in found}


async def delete_unit(conn: Conn, sku_code: str, unit_code: str) -> None:
    """Takes a unit from a SKU."""
    await execute(conn, _DELETE_UNIT, {"sku_code": sku_code, "unit_code": unit_code})


async def touch(conn: Conn, sku_code: str) -> None:
    """Makes a new version of a SKU whose units or barcodes changed."""
    await execute(conn, _TOUCH, {"sku_code": sku_code})


async def update_description(conn: Conn, sku_code: str, product_code: str, about: Description) -> None:
    """Changes what describes a SKU."""
    await execute(
        conn,
        _UPDATE_DESCRIPTION,
        {
            "sku_code": sku_code,
            **_description_row(about),
            **_name_row(fingerprint(sku_code, about.name, product_code)),
        },
    )


async def change(conn: Conn, changes: Sequence[SkuChange], recipe_versions: Mapping[str, int]) -> None:
    """Makes the next version of SKUs: with another description, and with the recipe version given for some."""
    changed = [
        {
            "sku_code": one.sku_code,
            **_description_row(one.description),
            **_name_row(one.fingerprint),
            "recipe_version": recipe_versions.get(one.sku_code),
        }
        for one in changes
    ]
    await execute(conn, _CHANGE, {"rows": Jsonb(changed)})


def _name_row(compared: Fingerprint) -> dict[str, Any]:
    """What is stored to find names that look like this one."""
    return {"name_marks": compared.marks, **_signature_row(compared)}


def _signature_row(compared: Fingerprint) -> dict[str, Any]:
    letters = compared.letters
    return {"name_signature": signature(letters), "name_letter_count": len(letters)}


def _description_row(about: Description) -> dict[str, Any]:
    return {
        "name": about.name,
        "weight_g": about.weight_g,
        "length_mm": about.length_mm,
        "width_mm": about.width_mm,
        "height_mm": about.height_mm,
        "volume_ml": about.volume_ml,
        "fast_mover": about.fast_mover,
        "lot_tracking": int(about.lot_tracking),
        "shelf_life_days_min": about.shelf_life_days_min,
    }


async def correct(conn: Conn, wanted: Corrected) -> None:
    """Makes the next version of a SKU, with what is otherwise fixed of it as corrected."""
    await execute(
        conn,
        _CORRECT,
        {
            "sku_code": wanted.before.sku_code,
            "product_code": wanted.product_code,
            "options": Jsonb(_options(wanted.options)),
            "option_key": option_key(wanted.options),
            "base_unit": wanted.base_unit,
        },
    )


async def retire(conn: Conn, sku_code: str, reason: str) -> None:
    """Ends the life of a SKU."""
    await execute(conn, _RETIRE, {"sku_code": sku_code, "reason": reason})


async def reinstate(conn: Conn, sku_code: str) -> None:
    """Takes a SKU back into use."""
    await execute(conn, _REINSTATE, {"sku_code": sku_code})


async def set_recipe_versions(conn: Conn, versions: Mapping[str, int]) -> None:
    """Makes a version of its recipe the current one of each bundle."""
    await execute(
        conn, _SET_RECIPE_VERSIONS, {"sku_codes": list(versions), "versions": list(versions.values())}
    )


async def page(
    conn: Conn,
    after_code: str,
    limit: int,
    *,
    product_code: str | None = None,
    kind: SkuKind | None = None,
    state: SkuState | None = None,
) -> list[Sku]:
    """SKUs after a code, in order of code."""
    filters = {"product_code": product_code, "kind": kind and int(kind), "state": state and int(state)}
    found = await fetch(conn, _LIST, {"after_code": after_code, "limit": limit, **filters})
    return [rows.sku(row) for row in found]


async def search(
    conn: Conn, query: str, after: tuple[int, str], limit: int, *, state: SkuState | None
) -> list[tuple[int, Sku]]:
    """SKUs that a query means, with their rank, after a place in that order.

    When nothing has all of its words, those that nearly do: then all places have ranks of misspellings.
    """
    parameters = {
        "query": query,
        "after_rank": after[0],
        "after_code": after[1],
        "limit": limit,
        "state": state and int(state),
    }
    if after[0] < MISSPELT_RANK_MIN:
        found = await fetch(conn, _SEARCH, {**parameters, **_sought(query)})
        if found or after[0] >= 0 or not _SPELT.search(query):
            return [(row["rank"], rows.sku(row)) for row in found]
    async with conn.transaction():
        await fetch(conn, _TOLERATE, {"threshold": str(MISSPELT_SIMILARITY_MIN)})
        found = await fetch(conn, _SEARCH_MISSPELT, parameters)
    return [(row["rank"], rows.sku(row)) for row in found]


def _sought(query: str) -> dict[str, Any]:
    words = [_like(word) for word in query.lower().split()]
    patterns = [f"%{word}%" for word in words] + ["%"] * (QUERY_WORDS_MAX - len(words))
    return {
        "prefix": f"{_like(query.lower())}%",
        "barcode_keys": list(lookup_keys(query)),
        **{f"word_{place}": pattern for place, pattern in enumerate(patterns, 1)},
    }


def _like(text: str) -> str:
    """The text as a pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def hold_look_alikes(conn: Conn, new: Sequence[Fingerprint]) -> None:
    """Lets nobody else create a SKU that might look like these until the end of the transaction.

    Taken before the SKUs are inserted; what looks alike is sought only then, so that of two at once the second
    sees the first. Bounded: as many locks as there are groups, whatever the number of SKUs.
    """
    groups = {f"code {one.code_characters}" for one in new} | {f"name {one.marks}" for one in new}
    await fetch(conn, _HOLD_LOOK_ALIKES, {"groups": list(groups), "group_count": LOOK_ALIKE_GROUPS})


async def look_alikes(
    conn: Conn, new: Sequence[Fingerprint], *, except_codes: Sequence[str] = ()
) -> list[Known]:
    """SKUs that might nearly equal new ones: of a few, all there are; of many, of the 20,000 newest candidates."""
    if len(new) > ONE_BY_ONE_MAX:
        return await _newest_candidates(conn, new, except_codes)
    found = [known for one in new for known in await _near(conn, one, except_codes)]
    return list({known.sku_code: known for known in found}.values())


async def _newest_candidates(
    conn: Conn, new: Sequence[Fingerprint], except_codes: Sequence[str]
) -> list[Known]:
    """What has the same characters or the same marks as one of many."""
    wanted = {
        "code_characters": list({one.code_characters for one in new}),
        "name_marks": list({one.marks for one in new}),
        "except_codes": list(except_codes),
        "limit": LOOK_ALIKES_MAX,
    }
    return [Known(**row) for row in await fetch(conn, _LOOK_ALIKES, wanted)]


async def _near(conn: Conn, new: Fingerprint, except_codes: Sequence[str]) -> list[Known]:
    """What may equal one: of names, only those whose signatures allow it."""
    wanted = {
        "code_characters": new.code_characters,
        **_name_row(new),
        "tolerance": 100 - NAME_SCORE_MIN,
        "except_codes": list(except_codes),
        "limit": LOOK_ALIKES_MAX,
    }
    return [Known(**row) for row in await fetch(conn, _NEAR, wanted)]


async def sign_names(conn: Conn, limit: int) -> int:
    """Signs names that have no signature; how many. The SKUs stay as they are: no new version, no event."""
    found = await fetch(conn, _LOCK_UNSIGNED, {"limit": limit})
    signed = [{"sku_code": row["sku_code"], **_signature_row(fingerprint(**row))} for row in found]
    return await execute(conn, _SIGN, {"rows": Jsonb(signed)}) if signed else 0
