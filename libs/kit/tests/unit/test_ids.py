"""Ids are unique, ordered by time, and ordinary UUIDs."""

from uuid import UUID

from lumbung_kit.ids import new_id


def test_ids_are_version_seven_and_grow() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert all(type(one) is UUID and one.version == 7 for one in ids)
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
