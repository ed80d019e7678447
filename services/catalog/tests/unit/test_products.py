"""A SKU's options are its product's axes, and two combinations that mean the same are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain.failures import OptionsMismatch
from lumbung_catalog.domain.products import Axis, Option, matched_options, option_key

COLOR_AND_SIZE = (Axis("color"), Axis("size", ("S", "M", "L")))

names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
combinations = st.dictionaries(names.map(str.casefold), names, min_size=1, max_size=5).map(
    lambda chosen: [Option(axis, value) for axis, value in chosen.items()]
)


@given(combinations, st.randoms(use_true_random=False))
def test_order_case_and_spacing_make_no_other_combination(options: list[Option], random: object) -> None:
    changed = [Option(f" {option.axis.upper()} ", f"{option.value}  ".swapcase()) for option in options]
    random.shuffle(changed)  # type: ignore[attr-defined]
    same = [Option(option.axis.upper(), option.value.swapcase()) for option in options]
    assert option_key(changed) == option_key(same)


@given(combinations, st.data())
def test_another_value_is_another_combination(options: list[Option], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(options) - 1))
    other = [*options]
    other[place] = Option(options[place].axis, options[place].value + "x")
    assert option_key(options) != option_key(other)


def test_options_take_the_order_and_spelling_of_the_axes() -> None:
    matched = matched_options(COLOR_AND_SIZE, [Option("SIZE", "m"), Option("Color", " Hitam  Pekat ")])
    assert matched == (Option("color", "Hitam Pekat"), Option("size", "M"))


def test_a_product_without_axes_has_one_variant_without_options() -> None:
    assert matched_options((), ()) == ()
    assert option_key(()) == "[]"


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ([], ["options"]),
        ([Option("color", "Hitam")], ["options"]),
        ([Option("color", "Hitam"), Option("size", "XXL")], ["options[1].value"]),
        ([Option("color", "Hitam"), Option("size", "M"), Option("bahan", "katun")], ["options[2].axis"]),
        ([Option("color", "Hitam"), Option("Color", "Putih"), Option("size", "M")], ["options[1].axis"]),
        ([Option("warna", "Hitam"), Option("size", "?")], ["options[0].axis", "options[1].value", "options"]),
    ],
)
def test_each_wrong_option_is_named_at_once(options: list[Option], fields: list[str]) -> None:
    with pytest.raises(OptionsMismatch) as refused:
        matched_options(COLOR_AND_SIZE, options)
    assert [violation.field for violation in refused.value.fields] == fields
