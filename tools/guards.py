"""Takes away what keeps the promises of reservations, one guard at a time, and sees whether its test notices.

`guards.toml` names each guard, the text that makes it, and the test that fails without it; docs/traps.md shows them
as a table. The text is replaced in a copy of the tree, never in the tree itself.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUARDS = ROOT / "tools/guards.toml"
DOCUMENT = ROOT / "docs/traps.md"
COPY = ROOT / ".lumbung/guards"
NOT_COPIED = (".venv", ".git", ".tools", ".cache", ".lumbung", "__pycache__", ".*_cache", ".hypothesis")
MARKS = ("<!-- guards: written by tools/guards.py -->", "<!-- end of guards -->")
TEST_S_MAX = 120
"""A test that waits for ever for what was taken away has noticed."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that stands once in a file, and what it is replaced with."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Guard:
    """What keeps a promise, how it is taken away, and the test that fails without it."""

    promise: str
    says: str
    test: str
    cuts: tuple[Cut, ...]


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("words", nargs="*", help="only guards with one of these words in their row")
    asked.add_argument("--table", action="store_true", help="only write the table of docs/traps.md")
    options = asked.parse_args()
    guards = load()
    if wrong := list(problems(guards)):
        sys.exit("\n".join(wrong))
    if options.table:
        DOCUMENT.write_text(with_table(DOCUMENT.read_text(), guards))
        return 0
    chosen = [guard for guard in guards if not options.words or any(w in str(guard) for w in options.words)]
    return run(chosen)


def load() -> list[Guard]:
    """The guards, in the order of the promises."""
    rows = tomllib.loads(GUARDS.read_text())["guard"]
    return [
        Guard(row["promise"], row["says"], row["test"], tuple(Cut(**cut) for cut in row["cuts"]))
        for row in rows
    ]


def problems(guards: Sequence[Guard]) -> Iterator[str]:
    """Guards that are not where they were, and tests that are gone."""
    for guard in guards:
        for cut in guard.cuts:
            if (found := (ROOT / cut.file).read_text().count(cut.old)) != 1:
                yield f"{guard.says}: {cut.file} has {found} times\n{cut.old}"
        file, *names = guard.test.split("::")
        if names not in tests_of(ROOT / file):
            yield f"{guard.says}: there is no test {guard.test}"


def tests_of(file: Path) -> list[list[str]]:
    """Names of the tests in a file, those of a class behind its name."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, functions):
            found.append([node.name])
        elif isinstance(node, ast.ClassDef):
            found += [[node.name, each.name] for each in node.body if isinstance(each, functions)]
    return found


def with_table(document: str, guards: Sequence[Guard]) -> str:
    """The document with the guards as they are now."""
    before, _, rest = document.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    rows = ["| promise or trap | guard | where | test |", "|---|---|---|---|", *map(_row, guards)]
    return "\n".join([before + MARKS[0], "", *rows, "", MARKS[1] + after])


def _row(guard: Guard) -> str:
    where = ", ".join(f"`{Path(cut.file).name}`" for cut in guard.cuts)
    file, *names = guard.test.split("::")
    return f"| {guard.promise} | {guard.says} | {where} | `{Path(file).name}`: `{names[-1]}` |"


def run(guards: Sequence[Guard]) -> int:
    """Takes them away one after the other; 0 when each was noticed."""
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(ROOT, COPY, ignore=shutil.ignore_patterns(*NOT_COPIED))
    print(f"{len(guards)} guards; their tests with all of them in place:", end=" ", flush=True)
    whole = pytest(*sorted({guard.test for guard in guards}))
    print(whole.stdout.splitlines()[-1])
    if whole.returncode:
        print(whole.stdout)
        return 1
    noticed = sum(_is_noticed(guard) for guard in guards)
    print(f"{noticed} of {len(guards)} guards were missed when they were gone")
    return int(noticed < len(guards))


def _is_noticed(guard: Guard) -> bool:
    started = time.monotonic()
    kept = {cut.file: (COPY / cut.file).read_text() for cut in guard.cuts}
    for cut in guard.cuts:
        (COPY / cut.file).write_text(kept[cut.file].replace(cut.old, cut.new))
    try:
        tested = pytest("-x", guard.test)
    finally:
        for file, text in kept.items():
            (COPY / file).write_text(text)
    noticed = (
        tested.returncode == 1 and re.search(r"\b1 failed\b", tested.stdout.splitlines()[-1]) is not None
    )
    took_s = time.monotonic() - started
    print(
        f"{'noticed' if noticed else 'NOT NOTICED':12}{took_s:5.0f} s  {guard.promise}: {guard.says}",
        flush=True,
    )
    if not noticed:
        print(tested.stdout[-3_000:])
    return noticed


def pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs tests of the copy, on the copy's code."""
    sources = [COPY / "proto", *COPY.glob("libs/*/src"), *COPY.glob("services/*/src"), COPY / "dev/src"]
    return subprocess.run(
        [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            f"timeout={TEST_S_MAX}",
            *arguments,
        ],
        cwd=COPY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main())
