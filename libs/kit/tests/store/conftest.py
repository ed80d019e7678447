"""A schema `kit_test` with the kit's tables and one of its own, in which effects are seen."""

from pathlib import Path

import pytest

from lumbung_kit.postgres import Postgres
from lumbung_kit.testing import MakePostgres

MIGRATIONS = Path(__file__).with_name("migrations")


@pytest.fixture
def migrations() -> Path:
    return MIGRATIONS


@pytest.fixture
async def postgres(make_postgres: MakePostgres) -> Postgres:
    return await make_postgres("kit_test", MIGRATIONS)
