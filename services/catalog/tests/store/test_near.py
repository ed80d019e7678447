"""By their signatures, PostgreSQL leaves out names that cannot be alike, and none that is."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lumbung_catalog.domain.products import NewProduct
from lumbung_catalog.domain.similarity import Neighbourhood, fingerprint
from lumbung_catalog.domain.skus import Description, NewSku, SkuKind
from lumbung_catalog.domain.units import Unit
from lumbung_catalog.stores import products, skus
from lumbung_catalog.usecases.find_similar_skus import find_similar_skus
from lumbung_catalog.usecases.sign_names import sign_names
from lumbung_kit.postgres import Postgres

pytestmark = pytest.mark.store

WORDS = ("kopi", "gayo", "Gaoy", "P0wer", "bank", "S", "250", "naïve", "чай", "½", "tenun", "aaaaaaaa", "０")
KNOWN, ASKED = 400, 150


def sku(code: str, name: str) -> NewSku:
    return NewSku(code, code, (), SkuKind.PLAIN, "pcs", Description(name), (Unit("pcs", 1),))


async def put(postgres: Postgres, *new: NewSku) -> None:
    async with postgres.transaction() as conn:
        await products.insert(conn, [NewProduct(one.product_code, one.description.name) for one in new])
        await skus.insert(conn, new)


async def column(postgres: Postgres, statement: str) -> list[Any]:
    async with postgres.connection() as conn:
        return [value for (value,) in await (await conn.execute(statement)).fetchall()]


async def test_nothing_that_is_alike_is_left_out(postgres: Postgres, seed: int) -> None:
    chance = random.Random(seed)

    def name() -> str:
        text = " ".join(chance.choices(WORDS, k=chance.randint(1, 4)))
        place = chance.randrange(len(text) + 1)
        return text[:place] + chance.choice(("", "", "x", "é", " ")) + text[place:]

    known = [sku(f"K-{number}", name()) for number in range(KNOWN)]
    await put(postgres, *known)
    everything = Neighbourhood(
        fingerprint(one.sku_code, one.description.name, one.product_code) for one in known
    )
    found_some = 0
    async with postgres.connection() as conn:
        for number in range(ASKED):
            new = fingerprint(f"N-{number}", name(), "another")
            found = await find_similar_skus(conn, new.sku_code, new.name, new.product_code)
            assert found == everything.similar_to(new, 10)
            found_some += bool(found)
    assert found_some > ASKED // 10


async def test_what_has_other_letters_is_left_out(postgres: Postgres) -> None:
    await put(postgres, sku("A", "Kemeja batik biru"), sku("B", "Sarung tenun ulos"))
    async with postgres.connection() as conn:
        near = await skus.look_alikes(conn, [fingerprint("C", "Batik kemeja biru", "C")])
    assert [one.sku_code for one in near] == ["A"]


@pytest.mark.parametrize("count", [1, skus.ONE_BY_ONE_MAX, skus.ONE_BY_ONE_MAX + 1])
async def test_a_few_are_compared_one_by_one_and_many_together(postgres: Postgres, count: int) -> None:
    await put(postgres, sku("A", "Kemeja batik biru"), sku("B", "Sarung tenun ulos"), sku("C", "Teh"))
    new = [fingerprint(f"N-{number}", "Batik kemeja biru", "N") for number in range(count)]
    async with postgres.connection() as conn:
        found = await skus.look_alikes(conn, new, except_codes=["C"])
    assert "A" in {one.sku_code for one in found}
    assert "C" not in {one.sku_code for one in found}
    assert len(found) == (1 if count <= skus.ONE_BY_ONE_MAX else 2)


async def test_a_name_that_is_changed_without_its_signature_loses_it_and_is_compared_all_the_same(
    postgres: Postgres,
) -> None:
    await put(postgres, sku("A", "Sarung tenun ulos"))
    async with postgres.connection() as conn:
        await conn.execute("update sku set name = 'Kemeja batik biru', name_marks = '' where sku_code = 'A'")
        found = await find_similar_skus(conn, "C", "Batik kemeja biru", "C")
    assert [one.sku_code for one in found] == ["A"]
    assert await column(postgres, "select name_signature from sku") == [None]


async def test_names_without_a_signature_get_one_and_stay_as_they_are(postgres: Postgres) -> None:
    await put(postgres, *(sku(f"A-{number}", f"Teh {number}") for number in range(1_201)))
    rows = "select to_jsonb(sku)::text from sku order by sku_code"
    before = await column(postgres, rows)
    async with postgres.connection() as conn:
        await conn.execute("update sku set name_signature = null, name_letter_count = null")
    await sign_names(postgres)
    assert await column(postgres, rows) == before


async def test_a_name_that_somebody_is_changing_is_left_for_the_next_time(postgres: Postgres) -> None:
    await put(postgres, sku("A", "Teh"), sku("B", "Kopi"))
    unsigned = "select sku_code from sku where name_signature is null"
    async with postgres.transaction() as conn:
        await conn.execute("update sku set name_signature = null")
    async with postgres.transaction() as conn:
        await skus.lock(conn, "A")
        await sign_names(postgres)
        assert await column(postgres, unsigned) == ["A"]
    await sign_names(postgres)
    assert await column(postgres, unsigned) == []
