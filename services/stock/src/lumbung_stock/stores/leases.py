"""Leases: whose turn it is, among replicas, until a deadline by Postgres' clock."""

from __future__ import annotations

from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Postgres
from lumbung_kit.sql import load

_SQL = load(__package__, "leases.sql")

LEASE_S = 3.0
"""How long a replica that sleeps or is cut off keeps the others from its work."""


class Leases:
    """This replica's leases. Who wakes up after its time may still be at work: what the lease saves is work done
    twice, and whatever must not happen twice needs a guard of its own."""

    def __init__(self, postgres: Postgres, *, lease_s: float = LEASE_S) -> None:
        self._postgres = postgres
        self._holder = new_id()
        self._lease_s = lease_s
        self.renew_s = lease_s / 3
        """How often a lease has to be taken again by who wants to keep it."""

    async def take(self, name: str) -> bool:
        """Takes a lease, or keeps it; False while another has it."""
        parameters = {"name": name, "holder": self._holder, "lease_s": self._lease_s}
        async with self._postgres.connection() as conn:
            return (await conn.execute(_SQL["take_lease"], parameters)).rowcount == 1

    async def give_up(self, name: str) -> None:
        """Lets the next one take it at once."""
        async with self._postgres.connection() as conn:
            await conn.execute(_SQL["give_lease_up"], {"name": name, "holder": self._holder})
