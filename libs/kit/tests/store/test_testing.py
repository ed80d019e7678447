"""What tests rely on: databases and servers of their own, empty each time, and a seed that is shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lumbung_kit.testing import MakePostgres
from lumbung_kit.valkey import connect


@pytest.mark.store
async def test_every_database_is_a_new_one(make_postgres: MakePostgres, migrations: Path) -> None:
    one, other = [await make_postgres("kit_test", migrations) for _ in range(2)]
    async with one.connection() as conn:
        await conn.execute("insert into effect values (1, 'here')")
    async with other.connection() as conn:
        assert await (await conn.execute("select count(*) from effect")).fetchone() == (0,)


@pytest.mark.store
@pytest.mark.parametrize("turn", [1, 2])
async def test_valkey_is_empty_at_the_start_of_every_test(valkey_url: str, turn: int) -> None:
    client = connect(valkey_url)
    assert await client.dbsize() == 0
    await client.set("left behind", turn)
    await client.aclose()


FAILING = """
import random

def test_that_fails(seed):
    assert random.Random(seed).random() > 1
"""


def test_a_failure_shows_the_seed_that_repeats_it(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "lumbung_kit.testing",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    run = subprocess.run(
        command,
        env={**os.environ, "LUMBUNG_TEST_SEED": "4242"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout.count("LUMBUNG_TEST_SEED=4242") == 2, "in the header, and with the failed test"
