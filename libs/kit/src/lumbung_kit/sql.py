"""SQL statements that live in files of their own, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

_NAME_LINE = re.compile(r"^-- name: *(\S*) *$", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Sql(Mapping[str, str]):
    """The statements of one file: `sql["lock_levels"]` is the text after the line `-- name: lock_levels`.

    Take statements when a module is imported, so that a wrong name stops the start: an unknown one raises
    KeyError. Lines that are only a comment are left out of the text, so `%` may be used in them; elsewhere it
    is doubled, as psycopg wants it.
    """

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._statements = dict(_statements(source, text))

    def __getitem__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise KeyError(f"{self._source} has no statement named {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def load(package: str, filename: str) -> Sql:
    """Reads `filename` beside the modules of `package`. Raises ValueError if it is not named statements."""
    return Sql(f"{package}/{filename}", files(package).joinpath(filename).read_text(encoding="utf-8"))


def _statements(source: str, text: str) -> Iterator[tuple[str, str]]:
    before, *parts = _NAME_LINE.split(text)
    if _without_comments(before):
        raise ValueError(f"{source}: there is SQL before the first `-- name:` line")
    names = parts[::2]
    for name, body in zip(names, parts[1::2], strict=True):
        statement = _without_comments(body)
        if not _NAME.fullmatch(name) or names.count(name) > 1 or not statement:
            raise ValueError(f"{source}: statement {name!r} needs a lower_snake name of its own and some SQL")
        yield name, statement


def _without_comments(text: str) -> str:
    return _COMMENT_LINE.sub("", text).strip()
