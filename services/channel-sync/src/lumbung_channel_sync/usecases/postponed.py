"""How work on a delivery can end without being done."""

from __future__ import annotations


class Postponed(Exception):  # noqa: N818 - not an error: it is tried again
    """Not now; again after `delay_s`."""

    def __init__(self, delay_s: float, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.delay_s = delay_s
        self.reason = reason
        self.message = message


class ForAPerson(Exception):  # noqa: N818 - not an error: it is parked
    """Trying again cannot help. `answered`: stock said no for good, so that the next try needs a new id."""

    def __init__(self, reason: str, message: str, *, answered: bool = False) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.answered = answered
