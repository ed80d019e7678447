"""How long a transaction may take that writes a whole catalog."""

from lumbung_catalog.stores.query import execute
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

WHOLE_CATALOG_MS_MAX = 600_000
REST_MS_MAX = 30_000
"""Between two statements: a portion is made ready meanwhile, on a machine that may have much to do."""

_SQL = sql.load(__package__, "patience.sql")
_BE_PATIENT = _SQL["be_patient"]
_STOP_THE_CLOCK = _SQL["stop_the_clock"]
_ONE_INSTANT = _SQL["one_instant"]


async def be_patient(conn: Conn) -> None:
    """Lets this transaction take as long as 100,000 rows need, not only as long as an ordinary one."""
    await execute(conn, _STOP_THE_CLOCK, {})
    await execute(conn, _BE_PATIENT, {"whole_ms": str(WHOLE_CATALOG_MS_MAX), "rest_ms": str(REST_MS_MAX)})


async def see_one_instant(conn: Conn) -> None:
    """Lets all of this transaction see the catalog as it is now. Its first statement."""
    await execute(conn, _ONE_INSTANT, {})
    await be_patient(conn)
