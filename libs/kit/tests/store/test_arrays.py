"""What goes in as an array literal comes out as it was."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_kit import arrays
from lumbung_kit.testing import Server

pytestmark = pytest.mark.store

TEXT = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
INT8 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@pytest.fixture(scope="module")
def conn(postgres_server: Server) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        yield connection


def back(conn: psycopg.Connection[tuple[object, ...]], kind: str, literal: str) -> object:
    """The array as PostgreSQL reads it."""
    row = conn.execute(f"SELECT %s::{kind}[]", [literal]).fetchone()  # type: ignore[arg-type]  # kinds are ours
    assert row is not None
    return row[0]


@given(values=st.lists(st.none() | TEXT))
def test_texts(conn: psycopg.Connection[tuple[object, ...]], values: list[str | None]) -> None:
    assert back(conn, "text", arrays.texts(values)) == values


@pytest.mark.parametrize("value", ["", "NULL", "null", "{}", '"', "\\", '\\"', ",", " a ", "ñ😀\n\t", "'"])
def test_texts_that_look_like_syntax(conn: psycopg.Connection[tuple[object, ...]], value: str) -> None:
    assert back(conn, "text", arrays.texts([value, value])) == [value, value]


@given(values=st.lists(st.binary()))
def test_blobs(conn: psycopg.Connection[tuple[object, ...]], values: list[bytes]) -> None:
    assert back(conn, "bytea", arrays.blobs(values)) == values


@given(numbers=st.lists(INT8), flags=st.lists(st.booleans()), ids=st.lists(st.uuids()))
def test_plain(
    conn: psycopg.Connection[tuple[object, ...]],
    numbers: list[int],
    flags: list[bool],
    ids: list[uuid.UUID],
) -> None:
    assert back(conn, "bigint", arrays.plain(numbers)) == numbers
    assert back(conn, "boolean", arrays.plain(flags)) == flags
    assert back(conn, "uuid", arrays.plain(ids)) == ids


def test_a_nul_is_refused_here() -> None:
    with pytest.raises(ValueError, match="NUL"):
        arrays.texts(["a\0b"])
