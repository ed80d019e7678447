"""Where each part of a local system listens."""

from __future__ import annotations

from dataclasses import dataclass, fields

from lumbung_dev.local.trouble import Trouble
from lumbung_kit.embedded.ports import free_port, is_free

BASE_PORT = 50050
_OFFSETS = {
    "catalog": 1,
    "stock": 2,
    "fulfillment": 3,
    "channel_sync": 4,
    "webhooks": 5,
    "tokoria": 6,
    "belanjago": 7,
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """host:port of everything, all on this machine."""

    catalog: str
    stock: str
    fulfillment: str
    channel_sync: str
    webhooks: str
    tokoria: str
    belanjago: str

    @classmethod
    def any_free(cls) -> Addresses:
        """Ports that nobody uses now."""
        taken: set[int] = set()
        while len(taken) < len(_OFFSETS):
            taken.add(free_port())
        return cls(*(f"127.0.0.1:{port}" for port in taken))

    @classmethod
    def above(cls, base_port: int) -> Addresses:
        """The same ports every time; raises Trouble when one of them is in use."""
        ports = {name: base_port + offset for name, offset in _OFFSETS.items()}
        busy = [f"{port} ({name})" for name, port in ports.items() if not is_free(port)]
        if busy:
            raise Trouble(
                f"These ports are in use already: {', '.join(busy)}. "
                "Stop what listens there, or choose others with --base-port."
            )
        return cls(**{name: f"127.0.0.1:{port}" for name, port in ports.items()})

    def of(self, name: str) -> str:
        """The address of one part by its name, also as its process is called (`channel-sync`)."""
        return str(getattr(self, name.replace("-", "_")))

    @classmethod
    def names(cls) -> list[str]:
        """Every part."""
        return [field.name for field in fields(cls)]
