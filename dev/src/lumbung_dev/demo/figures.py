"""How fast each marketplace's figure followed a sale elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Followed:
    """Seconds from stock's decision to the marketplace's shown figure."""

    channel: str
    samples: int
    p50_s: float
    p95_s: float
    last_s: float
    """From the sale's last unit to the marketplace's 0."""

    def sentence(self) -> str:
        """For the closing table."""
        return (
            f"followed a sale elsewhere in {self.p50_s * 1000:.0f} ms (p50), {self.p95_s * 1000:.0f} ms (p95) of "
            f"{self.samples}; showed the last unit gone after {self.last_s * 1000:.0f} ms"
        )
