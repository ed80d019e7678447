"""Sign the names that have no signature: those of the version before, and those that it still writes."""

from lumbung_catalog.stores import skus
from lumbung_kit.postgres import Postgres

SIGNED_AT_ONCE_MAX = 500


async def sign_names(postgres: Postgres) -> None:
    """Signs them in portions of 500; those that somebody is changing wait for the next time."""
    while await postgres.run(lambda conn: skus.sign_names(conn, SIGNED_AT_ONCE_MAX)) == SIGNED_AT_ONCE_MAX:
        pass
