"""Statements by name, and mistakes in such a file found when it is read."""

import pytest

from lumbung_kit.sql import Sql, load

TEXT = """
-- All about levels, 100% of it.

-- name: lock_levels
-- In the order of their keys, so that no two of us wait for each other.
select * from level
where sku like 'a%%'  -- kept: part of a line
order by sku for update

-- name: read_level
select 1
"""


def test_a_statement_is_found_by_its_name_without_its_comments() -> None:
    statements = Sql("levels.sql", TEXT)
    assert list(statements) == ["lock_levels", "read_level"]
    assert statements["read_level"] == "select 1"
    assert statements["lock_levels"].startswith("select * from level\nwhere sku")
    assert "100%" not in "".join(statements.values())


def test_an_unknown_name_says_which_file_lacks_it() -> None:
    with pytest.raises(KeyError, match=r"levels\.sql has no statement named 'lock_level'"):
        Sql("levels.sql", TEXT)["lock_level"]


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "-- name: one\nselect 1\n-- name: one\nselect 2",
        "-- name: one\n-- only a comment",
        "-- name: Two Words\nselect 1",
        "-- name:\nselect 1",
    ],
    ids=["no name", "same name twice", "no statement", "not a name", "empty name"],
)
def test_a_file_that_is_not_made_of_named_statements_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bad\.sql"):
        Sql("bad.sql", text)


def test_the_kits_own_files_can_be_loaded_from_the_package() -> None:
    assert "publish" in load("lumbung_kit.events", "events.sql")
    assert "claim" in load("lumbung_kit", "idempotency.sql")
