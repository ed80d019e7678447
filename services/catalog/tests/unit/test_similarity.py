"""Which SKUs look like one another: the same thing written twice, and not the next in a series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain.similarity import Known, Neighbourhood, Similar, code_score, fingerprint, nearby

words = st.lists(st.text("abcdefghij", min_size=3, max_size=8), min_size=1, max_size=5)
codes = st.text("ABCDEFGH0123456789", min_size=2, max_size=12)


def found(known: tuple[str, str], new: tuple[str, str], *, same_product: bool = False) -> list[Similar]:
    neighbours = Neighbourhood([fingerprint(*known, "P-1")])
    return neighbours.similar_to(fingerprint(*new, "P-1" if same_product else "P-2"), 10)


@given(st.lists(st.from_regex(r"[0O1lA-]{1,6}", fullmatch=True), min_size=2, max_size=12, unique=True))
def test_what_is_looked_up_is_what_a_comparison_with_each_finds(codes: list[str]) -> None:
    *known, new = (fingerprint(code, f"Barang {place}", code) for place, code in enumerate(codes))
    similar = Neighbourhood(known).similar_to(new, 100)
    by_code = {one.sku_code: one.score for one in similar if one.field == "sku_code"}
    each = {one.sku_code: code_score(new, one) for one in known}
    assert by_code == {code: score for code, score in each.items() if score}


@pytest.mark.parametrize(
    ("known", "new", "field"),
    [
        (("PB-10K", "Power Bank 10000 mAh"), ("XX-1", "powerbank 10000mAh"), "name"),
        (("PB-10K", "Power Bank 10000 mAh"), ("XX-1", "10000 mAh Bank Power"), "name"),
        (("PB-10K", "Power Bank 10000 mAh"), ("XX-1", "Power Bnak 10000 mAh"), "name"),
        (("KAOS-HTM", "Kaos"), ("kaos.htm", "Sesuatu yang lain"), "sku_code"),
        (("KAOS-HTM", "Kaos"), ("KAOS-HMT", "Sesuatu yang lain"), "sku_code"),
        (("PB-12", "Power bank hitam"), ("PB-21", "Power bank hitem"), "sku_code"),
        (("PB-10", "Kaos"), ("PB-1O", "Sesuatu yang lain"), "sku_code"),
        (("SET-1A", "Kaos"), ("SET-IA", "Sesuatu yang lain"), "sku_code"),
        (("SET-1A", "Kaos"), ("set.la", "Sesuatu yang lain"), "sku_code"),
        (("PB-10K", "Power Bank 10000 mAh"), ("XX-1", "P0wer Bank 1O000 mAh"), "name"),
        (("PB-10K", "Power Bank 10000 mAh"), ("XX-1", "Ｐｏｗｅｒ Ｂａｎｋ １００００ mAh"), "name"),
        (("PB-10K", "Power Bank 10000 mAh"), ("XX-1", "Роwеr Bаnk 10000 mAh"), "name"),
    ],
)
def test_the_same_thing_written_twice_is_noticed(
    known: tuple[str, str], new: tuple[str, str], field: str
) -> None:
    (similar,) = found(known, new)
    assert similar.sku_code == known[0]
    assert similar.field == field
    assert similar.score >= 90


@pytest.mark.parametrize(
    ("known", "new"),
    [
        (("PB-10K", "Power Bank 10000 mAh"), ("PB-20K", "Power Bank 20000 mAh")),
        (("PB-12", "Kabel data"), ("PB-21", "Gelas kaca")),
        (("TAS-1", "Tas ransel hitam"), ("TAS-2", "Tas selempang hitam")),
        (("SKU-001", "Barang nomor 1"), ("SKU-010", "Barang nomor 10")),
        (("VIT-C", "Suplemen Vitamin C"), ("VIT-D", "Suplemen Vitamin D")),
        (("KAOS-L", "Kaos besar"), ("KAOS-1", "Gelas kaca")),
        (("GULA-1", "Gula 1 kg"), ("GULA-5", "Gula 5 kg")),
    ],
)
def test_the_next_in_a_series_is_another_thing(known: tuple[str, str], new: tuple[str, str]) -> None:
    assert found(known, new) == []


def test_variants_of_one_product_may_be_named_alike() -> None:
    assert found(("KAOS-M", "Kaos Polos"), ("KAOS-L", "Kaos Polos"), same_product=True) == []
    assert found(("KAOS-AB", "Kaos Polos"), ("KAOS-BA", "Kaos Polos"), same_product=True) == []


def test_variants_of_one_product_may_not_have_the_same_code_in_other_signs() -> None:
    (similar,) = found(("KAOS-AB", "Kaos Polos"), ("KAOSAB", "Kaos Polos"), same_product=True)
    assert similar == Similar("KAOS-AB", "Kaos Polos", 100, "sku_code")


@given(words, st.randoms(use_true_random=False))
def test_case_punctuation_and_order_of_words_hide_nothing(name: list[str], random: object) -> None:
    shuffled = [*name]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    (similar,) = found(("AA-1", " ".join(name)), ("ZZ-9", "-".join(shuffled).upper()))
    assert similar.score == 100


@given(codes, st.data())
def test_a_code_in_other_case_and_signs_is_the_same_code(code: str, data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from(["", "-", ".", "/"]), min_size=len(code), max_size=len(code)))
    written = "".join(letter + sign for letter, sign in zip(code.lower(), signs, strict=True))
    (similar,) = found((code, "satu"), (written, "dua tiga empat"))
    assert (similar.score, similar.field) == (100, "sku_code")


@given(codes, codes)
def test_likeness_of_codes_is_mutual(one: str, other: str) -> None:
    there = bool(found((one, "nama"), (other, "nama yang lain sama sekali")))
    back = bool(found((other, "nama yang lain sama sekali"), (one, "nama")))
    assert there == back


def test_the_nearest_come_first_and_no_more_than_asked() -> None:
    known = [fingerprint(f"A-{i}", "kaos polos hitam" + "x" * i, f"P-{i}") for i in range(4)]
    similar = Neighbourhood(known).similar_to(fingerprint("B-1", "Kaos Polos Hitam", "P-9"), 2)
    assert [one.sku_code for one in similar] == ["A-0", "A-1"]


names = st.lists(
    st.sampled_from(["Kopi", "Gayo", "kopi", "Gaoy", "S", "250", "0250", "P0wer", "Power", "Bank", "-", "½"]),
    max_size=6,
)
spaced = st.sampled_from([" ", "", " / "])


@given(names, names, spaced, spaced)
def test_the_quick_look_passes_over_nothing_that_is_alike(
    one: list[str], other: list[str], between: str, beside: str
) -> None:
    there = fingerprint("AA-1", between.join(one), "P-1")
    new = fingerprint("ZZ-9", beside.join(other), "P-2")
    known = Known(there.sku_code, there.name, there.product_code, there.code_characters)
    whole = Neighbourhood([there]).similar_to(new, 10)
    assert Neighbourhood(nearby(new, [known])).similar_to(new, 10) == whole


def test_the_quick_look_leaves_out_what_is_nothing_like_it() -> None:
    known = [Known("A-1", "Gelas kaca", "P-1", "1a"), Known("B-2", "Kopi Gayo", "P-2", "2b")]
    assert [one.sku_code for one in nearby(fingerprint("C-3", "Gayo kopi", "P-3"), known)] == ["B-2"]
