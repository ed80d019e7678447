"""Who does what, and why: kept with every change."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Act:
    """One mutation as somebody asked for it. `action` is its verb, such as `add_barcode`."""

    action: str
    actor: str
    request_id: str
    reason: str = ""

    def because(self, reason: str) -> "Act":
        """The same with a reason."""
        return replace(self, reason=reason)
