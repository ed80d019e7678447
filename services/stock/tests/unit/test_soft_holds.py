"""A soft hold is known by its id, when there is nothing else to know it by."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from lumbung_kit.ids import new_id
from lumbung_stock.domain.soft_holds import is_soft, soft_id


@given(st.uuids(version=4))
def test_a_soft_holds_id_says_so_and_keeps_all_but_its_version(made: UUID) -> None:
    told = soft_id(made)
    assert is_soft(told)
    assert told.version == 8
    assert str(told)[:14] + str(told)[15:] == str(made)[:14] + str(made)[15:]


def test_no_other_id_does() -> None:
    assert not is_soft(new_id())
    assert not is_soft(uuid4())


def test_ids_come_in_the_order_of_their_time() -> None:
    made = [UUID("01890000-0000-7000-8000-000000000000"), UUID("01890000-0001-7000-8000-000000000000")]
    assert sorted(map(soft_id, reversed(made))) == [soft_id(each) for each in made]
